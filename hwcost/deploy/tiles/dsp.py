"""Inner loops on cores with SMLAD, as C text: naked functions, so that their registers and their size are ours alone."""

from __future__ import annotations

from collections.abc import Iterable

from hwcost.deploy.emission import Unit
from hwcost.kernels.dsp_code import Tile, instructions
from hwcost.kernels.winograd_code import products, products_name, transform, transform_name


def tile_unit(tile: Tile) -> Unit:
    """The C text of a tile of a convolution."""
    places = "one place" if tile.places == 1 else "two places"
    comment = (
        f"All output channels of {places}, {tile.outputs} at a time: {tile.segments} x {tile.pairs} pairs of int16 inputs each.\n"
        " * A group of `weights` holds the biases, the weights of each pair (two channels in 16 bits), and the multipliers."
    )
    parameters = "const void *activations, const void *weights, int8_t *out, const struct hwc_dsp_outputs *outputs"
    return Unit(tile.name, _naked(tile.name, parameters, "hwc_dsp_tile.h", comment, instructions(tile)))


def products_unit(pairs: int) -> Unit:
    """The C text of the products of Winograd's filtering, so many pairs of input channels."""
    name = products_name(pairs)
    comment = f"For each of 16 places, sums over {pairs} pairs of channels of two transformed tiles and four output channels."
    return Unit(name, _naked(name, "const void *tiles, const void *weights, int32_t *sums", "hwc_dsp_winograd.h", comment, products(pairs)))


def transform_unit(in_channels: int, row_bytes: int) -> Unit:
    """The C text of the transform of a tile of Winograd's filtering."""
    name = transform_name(in_channels, row_bytes)
    comment = f"4 x 4 places of {in_channels} channels in rows of {row_bytes} bytes, transformed."
    return Unit(name, _naked(name, "const void *rows, void *tile", "hwc_dsp_winograd.h", comment, transform(in_channels, row_bytes)))


def _naked(name: str, parameters: str, header: str, comment: str, lines: Iterable[str]) -> str:
    body = "\n".join(f'        "{line}\\n"' for line in (".syntax unified", *lines))
    return f"""/* {comment} */
#include "{header}"

void {name}({parameters});

__attribute__((naked, used, noinline, aligned(4))) void {name}(
    {parameters}) {{
    __asm__ volatile(
{body});
}}
"""
