"""The miniature archives, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.archives import WRITERS


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds every official archive in miniature."""
    root = tmp_path_factory.mktemp("archives")
    for write in WRITERS.values():
        write(root)
    return root
