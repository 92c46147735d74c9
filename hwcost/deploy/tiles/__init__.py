"""Generated assembly, as C text."""

from hwcost.deploy.tiles.dsp import products_unit, tile_unit, transform_unit

__all__ = ["products_unit", "tile_unit", "transform_unit"]
