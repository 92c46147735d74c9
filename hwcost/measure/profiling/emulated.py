"""Layers on an emulated core: cycles, instructions and their classes of each, from one image for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwcost.deploy.build import Image
from hwcost.measure.profiling.one_layer import ReadyLayer
from hwcost.target import Core

if TYPE_CHECKING:
    from hwcost.boards.base import Run
    from hwcost.boards.emulated import EmulatedBoard

__all__ = ["run_batch"]

_ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class _Memory:
    """Addresses of a layer's tensors and scratch, all in one block that layers use one after another."""

    inputs: tuple[int, ...]
    output: int
    scratch: int
    pointers: int


def run_batch(layers: Sequence[ReadyLayer], image: Image, core: Core) -> list[Run]:
    """Call every layer of an image once; BoardError names the layer's kernel where one fails."""
    from hwcost.boards.emulated import EmulatedBoard

    board = EmulatedBoard(core)
    board.load(Path(image.elf))
    start = board.buffer(max(_laid_out(layer, 0)[1] for layer in layers))
    return [_run(board, layer, _laid_out(layer, start)[0]) for layer in layers]


def _laid_out(layer: ReadyLayer, start: int) -> tuple[_Memory, int]:
    """Where everything of a layer lies, and how many bytes it takes."""
    at, places = start, list[int]()
    sizes = [*(tensor.bytes for tensor in layer.placed.inputs), layer.placed.output.bytes, layer.scratch_bytes, 4 * len(layer.inputs)]
    for size in sizes:
        places.append(at)
        at += -(-size // _ALIGNMENT) * _ALIGNMENT
    *inputs, output, scratch, pointers = places
    return _Memory(tuple(inputs), output, scratch, pointers), at - start + _ALIGNMENT


def _run(board: EmulatedBoard, layer: ReadyLayer, memory: _Memory) -> Run:
    for address, values in zip(memory.inputs, layer.inputs, strict=True):
        board.write(address, values.tobytes())
    inputs: tuple[int, ...] = memory.inputs
    if layer.emission.gathers:
        board.write(memory.pointers, b"".join(address.to_bytes(4, "little") for address in inputs))
        inputs = (memory.pointers,)
    arguments = (board.address(layer.struct_name), *inputs, memory.output, memory.scratch)
    return board.call(layer.emission.function, arguments)
