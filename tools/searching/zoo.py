"""The zoo of users' modules in the tests, counted."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hwcost.errors import HwcostError
from tests.nas.zoo import NETWORKS
from tests.nas.zoo_search import searched

NAMES = tuple(NETWORKS)


def is_exact(name: str) -> bool:
    """Whether a module is searched, meets its limits and exports exactly; one that is refused is not."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return searched(name, Path(folder)).is_exact
    except HwcostError:
        return False
