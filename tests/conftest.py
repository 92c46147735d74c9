"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Timings are no tests: a busy machine must not fail one. In CI the examples are the same at every run.
settings.register_profile("hwcost", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("hwcost")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout these tests belong to."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The optional folder of measured data and trained networks; a test that needs it is skipped, visibly, without it."""
    folder = Path(os.environ.get("HWCOST_SHARED") or ROOT.parent / "shared")
    if not (folder / "models").is_dir():
        pytest.skip(f"needs the reference networks and data: set HWCOST_SHARED ({folder} has no models/)")
    return folder
