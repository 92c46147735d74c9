"""The miniature archives, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PIL")
pytest.importorskip("sklearn")


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds every official archive in miniature."""
    from tests.tasks.archives import WRITERS

    root = tmp_path_factory.mktemp("archives")
    for write in WRITERS.values():
        write(root)
    return root
