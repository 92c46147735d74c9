"""The inner tile of convolutions on cores with SMLAD, as C text: a naked function, so that its registers and its size are ours alone."""

from __future__ import annotations

from hwcost.deploy.emission import Unit
from hwcost.kernels.dsp_code import Tile, instructions


def tile_unit(tile: Tile) -> Unit:
    """The C text of a tile."""
    body = "\n".join(f'        "{line}\\n"' for line in (".syntax unified", *instructions(tile)))
    places = "one place" if tile.places == 1 else "two places"
    return Unit(
        name=tile.name,
        text=f"""/* All output channels of {places}, {tile.outputs} at a time: {tile.segments} x {tile.pairs} pairs of int16 inputs each.
 * A group of `weights` holds the biases, the weights of each pair (two channels in 16 bits), and the multipliers. */
#include "hwc_dsp_tile.h"

void {tile.name}(const void *activations, const void *weights, int8_t *out, const struct hwc_dsp_outputs *outputs);

__attribute__((naked, used, noinline, aligned(4))) void {tile.name}(
    const void *activations, const void *weights, int8_t *out, const struct hwc_dsp_outputs *outputs) {{
    __asm__ volatile(
{body});
}}
""",
    )
