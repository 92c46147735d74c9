"""Small modules of the kinds people write, each with example inputs: what every reader of networks must understand."""

from __future__ import annotations

from tests.zoo import blocks, layers
from tests.zoo.specimens import ZOO, Specimen

__all__ = ["ZOO", "Specimen", "blocks", "layers"]
