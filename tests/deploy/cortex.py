"""Layers built for a Cortex-M and run one by one in an emulated core, for tests of generated kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hwcost.boards.emulated import EmulatedBoard
from hwcost.deploy.build import Image, build, sections
from hwcost.deploy.emission import Array, Emission, Placed
from hwcost.deploy.program import Convolution, Range, Tensor
from hwcost.target import Core, LayerFacts
from hwcost.target.load import load_core

KERNELS = Path(__file__).parents[2] / "hwcost" / "deploy" / "c"
GUARD = bytes([0x5A] * 64)
PAGE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A layer where it is placed, an input, and the output that its docstring defines."""

    placed: Placed
    input: NDArray[np.int8]
    output: NDArray[np.int8]


def convolution(
    rng: np.random.Generator,
    image: tuple[int, int, int],
    out_channels: int,
    kernel: tuple[int, int] = (1, 1),
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int, int, int] = (0, 0, 0, 0),
    number: int = 0,
    limits: Range = Range(),  # noqa: B008 - frozen
    *,
    dilation: tuple[int, int] = (1, 1),
    depthwise: bool = False,
    lowest: int = -127,
    shrink: int = 1,
) -> Case:
    """A layer of random weights whose outputs fill, and sometimes leave, int8; every third input is at the ends of its range.

    Weights lie between `lowest` and 127, divided by `shrink`.
    """
    groups = image[2] if depthwise else 1
    weights = (rng.integers(lowest, 128, (out_channels, *kernel, image[2] // groups)) // shrink).astype(np.int8)
    bias = rng.integers(-30_000, 30_000, out_channels).astype(np.int32)
    spread = 70 * np.sqrt((weights.reshape(out_channels, -1).astype(float) ** 2).sum(axis=1)) + 1
    multiplier = np.minimum(rng.uniform(40, 90) / spread * 2.0**32, 2**31 - 1).astype(np.int32)
    zeros = (int(rng.integers(-128, 128)), int(rng.choice([-128, -20, 3, 127])))
    layer = Convolution(weights, bias, multiplier, 32, *zeros, stride, dilation, padding, groups, limits)
    values = rng.integers(-128, 128, image) if number % 3 else rng.choice([-128, 127], image)
    return case_of(layer, values.astype(np.int8), number)


def case_of(layer: Convolution, values: NDArray[np.int8], number: int = 0) -> Case:
    """A layer on an input."""
    output = outputs(layer, values)
    tensors = [Tensor(name, shape, (1, 2, 0)) for name, shape in (("in", values.shape), ("out", output.shape))]
    return Case(Placed(number, f"layer {number}", layer, (tensors[0],), tensors[1]), values, output)


def outputs(layer: Convolution, values: NDArray[np.int8]) -> NDArray[np.int8]:
    """The definition of a convolution, tap by tap, in whole numbers of 64 bits; each channel on its own where there are groups."""
    top, left, bottom, right = layer.padding
    padded = np.pad(values.astype(np.int64), ((top, bottom), (left, right), (0, 0)), constant_values=layer.input_zero_point)
    taps = layer.weights.shape[1:3]
    rows, columns = (
        (size - step * (count - 1) - 1) // stride + 1
        for size, step, count, stride in zip(padded.shape, layer.dilation, taps, layer.stride, strict=False)
    )
    sums = np.tile(layer.bias.astype(np.int64), (rows, columns, 1))
    for i, j in np.ndindex(*taps):
        read = padded[i * layer.dilation[0] :: layer.stride[0], j * layer.dilation[1] :: layer.stride[1]][:rows, :columns]
        weights = layer.weights[:, i, j].astype(np.int64)
        sums += read @ weights.T if layer.groups == 1 else read * weights[:, 0]
    rescaled = (sums * layer.multiplier.astype(np.int64) + 2 ** (layer.shift - 1)) >> layer.shift
    return np.clip(rescaled + layer.output_zero_point, layer.range.low, layer.range.high).astype(np.int8)


def facts(case: Case) -> LayerFacts:
    """The layer as kernels are asked about it."""
    layer = case.placed.layer
    assert isinstance(layer, Convolution)
    (height, width, channels), (out_height, out_width, out_channels) = case.input.shape, case.output.shape
    return LayerFacts(
        kind="conv2d" if layer.groups == 1 else "depthwise_conv2d",
        activation_bits=8,
        weight_bits=8,
        kernel=(layer.weights.shape[1], layer.weights.shape[2]),
        stride=layer.stride,
        dilation=layer.dilation,
        padding=layer.padding,
        groups=layer.groups,
        in_channels=channels,
        out_channels=out_channels,
        patch_elements=layer.weights[0].size,
        weight_elements=layer.weights.size,
        input_elements=case.input.size,
        output_elements=case.output.size,
        input_height=height,
        input_width=width,
        output_height=out_height,
        output_width=out_width,
    )


def constant_bytes(emission: Emission) -> int:
    """Bytes of the arrays of a layer, each filled up to whole words."""
    return sum(-(-array.bytes // 4) * 4 for array in emission.arrays)


def on_core(name: str, cases: Sequence[Case], emit: Callable[[Placed], Emission], folder: Path) -> EmulatedCore:
    """An emulated core that has every case in flash; the test is skipped where tools are missing."""
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    core = load_core(name)
    return EmulatedCore(built(cases, emit, core, folder), core)


def built(cases: Sequence[Case], emit: Callable[[Placed], Emission], core: Core, folder: Path) -> Image:
    """One image with a function `run_N` for each case."""
    emissions = [emit(case.placed) for case in cases]
    units = {unit.name: unit.text for emission in emissions for unit in emission.units}
    headers = [f'#include "{path.name}"' for path in sorted(KERNELS.glob("*.h"))]
    prototypes = [line for text in units.values() for line in text.splitlines() if line.startswith("void ") and line.endswith(");")]
    calls = [line for case, emission in zip(cases, emissions, strict=True) for line in _call(case.placed.number, emission)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "layers.c").write_text("\n".join([*headers, *prototypes, *calls, _ENTRY]))
    (folder / "units.c").write_text("\n".join(units.values()) or "typedef int nothing;")
    sources = dict.fromkeys(source for emission in emissions for source in emission.sources)
    files = [folder / "layers.c", folder / "units.c", *(KERNELS / source for source in sources)]
    return build(files, KERNELS, folder / "build", core, roots=[f"run_{case.placed.number}" for case in cases])


_ENTRY = "void model_run(const int8_t *in, int8_t *out) { (void)in; (void)out; }\nint main(void) { return 0; }"


def _call(number: int, emission: Emission) -> list[str]:
    members = ", ".join(f".{name} = {value}" for name, value in emission.fields)
    return [
        *(_array(array) for array in emission.arrays),
        f"static const struct {emission.struct} layer_{number} = {{{members}}};",
        f"void run_{number}(const int8_t *in, int8_t *out, void *scratch);",
        f"void run_{number}(const int8_t *in, int8_t *out, void *scratch) {{ {emission.function}(&layer_{number}, in, out, scratch); }}",
    ]


def _array(array: Array) -> str:
    """Unsigned words with their suffix, other integers as they are."""
    suffix = "u" if array.c_type.startswith("u") else ""
    values = ",".join(f"{int(value)}{suffix}" for value in array.values.reshape(-1))
    return f"static const {array.c_type} {array.name}[] __attribute__((aligned({array.alignment_bytes}))) = {{{values}}};"


class EmulatedCore:
    """A Cortex-M with an image in flash. Memory that a function must not touch holds guards, or nothing at all."""

    def __init__(self, image: Image, core: Core) -> None:
        self._board = EmulatedBoard(core)
        self._board.load(image.elf)
        self.sizes = sections(image.elf).functions

    def run(self, case: Case, scratch_bytes: int) -> NDArray[np.int8]:
        """The output of a case; AssertionError where it wrote behind its output or its scratch."""
        board, size = self._board, case.output.size
        before = -case.input.size % PAGE // 4 * 4  # the input ends where memory does
        address = board.buffer(bytes(before) + case.input.tobytes()) + before
        out, scratch = (board.buffer(GUARD * (used // len(GUARD) + 2)) for used in (size, scratch_bytes))
        board.call(f"run_{case.placed.number}", (address, out, scratch))
        for start, used in ((out, size), (scratch, scratch_bytes)):
            assert set(board.read(start + used, len(GUARD))) == set(GUARD), f"{case.placed.node} wrote behind {used} bytes"
        return np.frombuffer(board.read(out, size), np.int8).reshape(case.output.shape)

    def run_over_input(self, case: Case, scratch_bytes: int) -> NDArray[np.int8]:
        """The output of a case that is written where its input lies."""
        board = self._board
        place, scratch = board.buffer(case.input.tobytes()), board.buffer(bytes(scratch_bytes))
        board.call(f"run_{case.placed.number}", (place, place, scratch))
        return np.frombuffer(board.read(place, case.output.size), np.int8).reshape(case.output.shape)
