"""Generated assembly, as C text."""

from hwcost.deploy.tiles.dsp import tile_unit

__all__ = ["tile_unit"]
