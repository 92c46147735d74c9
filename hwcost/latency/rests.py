"""Remainders that a kernel's steps do not tell: groups that are not full, turns of loops that are not unrolled, borders that are padded.

Which groups, loops and paths there are is the kernel's; how often each is taken follows from the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hwcost.kernels.dsp_depthwise import rows_of_strip, tiles
from hwcost.kernels.dsp_tile import CHANNELS_IN_A_WORD, DspShape, shape_of
from hwcost.kernels.variant import Needs, plain
from hwcost.latency.plain_rests import PLAIN, of_pairs, of_plain_depthwise
from hwcost.latency.windows import rest
from hwcost.sizes import Size, ceil_div, equal, floor_div, largest
from hwcost.target import LayerFacts

__all__ = ["rests_of"]

Steps = Mapping[str, Size]


def rests_of(implementation: str | None, layer: LayerFacts, needs: Needs) -> dict[str, Size]:
    """What else the kernel does, and how often; nothing for kernels whose steps say it all."""
    own = _RULES.get(implementation or "")
    if own is not None:
        return own(layer, needs.steps)
    plain_rule = PLAIN.get(needs.functions[0])
    return {} if plain_rule is None else plain_rule(layer)


def _of_tiles(layer: LayerFacts, steps: Steps) -> dict[str, Size]:
    shape = shape_of(layer)
    calls = steps["two call"] + steps[f"one of {shape.outputs} call"]
    full = floor_div(layer.out_channels, shape.outputs)
    rests = {
        "call with a rest": calls * (ceil_div(layer.out_channels, shape.outputs) - full),
        "channel of a rest": calls * (layer.out_channels - full * shape.outputs),
        "word of odd channels": 0 if equal(rest(layer.in_channels, CHANNELS_IN_A_WORD), 0) else steps["widened word"],
        **_turns(shape, steps),
    }
    return rests if shape.is_pointwise else rests | _rows(layer, shape)


def _turns(shape: DspShape, steps: Steps) -> dict[str, Size]:
    """Turns of the loops around pairs, and of those around the rows of a window, where a tile has loops."""
    turns: Size = 0
    rows: Size = 0
    for tile, piece in ((shape.two, "two"), (shape.one, f"one of {shape.outputs}")):
        if tile is not None and not tile.is_flat:
            rows += steps[f"{piece} group"] * tile.segments
            turns += steps[f"{piece} group"] * tile.segments * (tile.pairs // tile.unrolled)
    return {"turn": turns, "row of a window": rows}


def _rows(layer: LayerFacts, shape: DspShape) -> dict[str, Size]:
    """What windows ask of rows: those read and widened, zeros beside and around them, rows moved to the front of scratch."""
    top = layer.padding[0]
    reach = (layer.output_height - 1) * layer.stride[0] + layer.kernel[0]
    inside = -largest(-layer.input_height, top - reach)
    outside = reach - inside
    elements = layer.input_width * layer.in_channels
    turns = floor_div(shape.held_rows - layer.kernel[0], layer.stride[0]) + 1
    moves = ceil_div(layer.output_height, turns) - 1
    is_natural = shape.function == "hwc_dsp_window_natural"
    word = floor_div(elements, CHANNELS_IN_A_WORD)
    return {
        "row read": inside,
        "word read": inside * word,
        "natural word read": inside * word if is_natural else 0,
        "odd element read": inside * (elements - CHANNELS_IN_A_WORD * word) if is_natural else 0,
        "padded element": inside * (shape.row_elements - elements) + outside * shape.row_elements,
        "row outside": outside,
        "row padded before": inside if layer.padding[1] else 0,
        "padded element before": inside * layer.padding[1] * layer.in_channels,
        "move": moves,
        "moved word": moves * max(0, layer.kernel[0] - layer.stride[0]) * shape.row_elements,
        "output row of a window": shape.out_height * layer.kernel[0],
    }


def _of_dsp_depthwise(layer: LayerFacts, steps: Steps) -> dict[str, Size]:
    """Code differs by stride; tiles that a row ends with, a last row by itself, and the border are worked off besides."""
    top, left, bottom, right = layer.padding
    rows = rows_of_strip(layer.stride[0])
    pairs = steps["strip"] + steps["group"]
    rests = {
        "tile": steps["channel strip"] * len(tiles(plain(layer.output_width), layer.stride[0], plain(layer.out_channels))),
        "last row": layer.out_channels * rest(layer.output_height, rows),
        "padded column": pairs * (left + right),
        "padded row": steps["group"] * (top + bottom) * layer.input_width,
    }
    further = {f"{name} at stride 2": 0 if layer.stride[0] == 1 else count for name, count in {**steps, **rests}.items() if name != "layer"}
    return rests | further


_RULES: Mapping[str, Callable[[LayerFacts, Steps], dict[str, Size]]] = {
    "dsp-tile": _of_tiles,
    "dsp-depthwise": _of_dsp_depthwise,
    "plain-depthwise": of_plain_depthwise,
    "plain-pairs": of_pairs,
}
