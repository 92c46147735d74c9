"""What runtimes say of layers and of memory, against figures that were measured or read in sources."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hwcost.target import Code, LayerFacts, Record, load_runtime
from hwcost.target.cited import Cited

CMSIS = load_runtime("tflm-cmsis-nn")
M4, M85, M0 = ("dsp", "fpu", "fast-multiply"), ("dsp", "mve", "fpu"), ("fast-multiply",)


def layer(kind: str, **sizes: object) -> LayerFacts:
    return LayerFacts(kind, **{"activation_bits": 8, "weight_bits": 8, **sizes})  # type: ignore[arg-type]


def scratch(facts: LayerFacts, extensions: tuple[str, ...]) -> int:
    rule = CMSIS.scratch_for(facts, extensions)
    assert rule is not None
    return sum(term.total(facts) for term in rule.terms)


def test_scratch_of_cmsis_nn_is_what_its_get_buffer_size_functions_return():
    conv = layer("conv2d", kernel=(3, 3), padding=(1, 1, 1, 1), in_channels=16, out_channels=16)
    assert scratch(conv, M4) == scratch(conv, M0) == 2 * 144 * 2
    assert scratch(conv, M85) == 4 * 144
    first = layer("conv2d", kernel=(3, 3), padding=(1, 1, 1, 1), in_channels=3, out_channels=16)
    assert (scratch(first, M4), scratch(first, M85)) == (2 * 28 * 2, 4 * 32)
    pointwise = layer("conv2d", in_channels=64, out_channels=64)
    assert scratch(pointwise, M4) == scratch(pointwise, M85) == 0


def test_depthwise_3x3_needs_no_scratch_without_helium_and_other_windows_do():
    small = layer("depthwise_conv2d", kernel=(3, 3), padding=(1, 1, 1, 1), groups=64, in_channels=64, out_channels=64)
    large = layer("depthwise_conv2d", kernel=(5, 5), padding=(2, 2, 2, 2), groups=64, in_channels=64, out_channels=64)
    assert (scratch(small, M4), scratch(large, M4)) == (0, 64 * 25 * 2)
    assert (scratch(small, M0), scratch(large, M0)) == (0, 0)
    assert scratch(small, M85) == 4 * 124 * 9


@pytest.mark.parametrize(
    ("facts", "how"),
    [
        (layer("conv2d"), "optimised"),
        (layer("conv2d", activation_bits=32, weight_bits=32), "reference"),
        (layer("conv2d", activation_bits=32), None),
        (layer("sub", weight_bits=None), "reference"),
        (layer("add", weight_bits=None), "optimised"),
        (layer("add", weight_bits=None, activation_bits=32), "reference"),
        (layer("reshape", weight_bits=None), "free"),
        (layer("gru"), None),
    ],
)
def test_the_first_rule_that_holds_runs_a_layer(facts, how):
    rule = CMSIS.kernel_for(facts, M4)
    assert (rule and rule.kernel) == how


@dataclass(frozen=True)
class Counts:
    """What the TFLite file of a network holds; `tail` is the persistent part TFLM recorded on a 64-bit host."""

    tensors: int
    operators: int
    with_options: int
    channels: int
    tail: int


RECORDED = {
    "autoencoder": Counts(31, 10, 10, 0, 3216),
    "ds-cnn": Counts(35, 13, 10, 9 * 64, 8272),
    "resnet-8": Counts(38, 16, 10, 3 * 16 + 3 * 32 + 3 * 64, 6832),
    "mobilenet": Counts(89, 31, 28, 2736, 29952),
}


def persistent_bytes(counts: Counts, pointer_bytes: int) -> int:
    assert CMSIS.ram is not None
    number = {"model": 1, "tensor": counts.tensors, "operator": counts.operators, "io_tensor": 2, "output_channel": counts.channels}
    total = 0
    for record in CMSIS.ram.persistent:
        if "lstm" not in record.kinds:
            count = counts.with_options if record.per == "operator" and record.kinds else number[record.per]
            total += count * record.size_bytes(pointer_bytes)
    return total


@pytest.mark.parametrize("counts", RECORDED.values(), ids=RECORDED)
def test_persistent_bytes_of_tflm_come_within_2_percent_of_what_a_64_bit_host_recorded(counts):
    assert persistent_bytes(counts, 8) == pytest.approx(counts.tail, rel=0.02)


@pytest.mark.parametrize("counts", RECORDED.values(), ids=RECORDED)
def test_pointers_of_four_bytes_make_the_persistent_part_smaller_but_not_half(counts):
    assert counts.tail / 2 < persistent_bytes(counts, 4) < counts.tail


def test_a_record_without_pointers_is_the_same_on_every_host():
    record = Record("sums", "model", Cited(8, "s"))
    assert record.size_bytes(4) == record.size_bytes(8) == 8


@pytest.mark.parametrize(("per", "total"), [("program", 10), ("kind", 20), ("layer", 30)])
def test_code_is_counted_per_program_kind_or_layer(per, total):
    code = Code(("add", "mul"), Cited(10, "s"), per)
    assert code.total_bytes(["add", "conv2d", "mul", "add"]) == total
    assert code.total_bytes(["conv2d"]) == 0


FILES = {
    "autoencoder": (Counts(31, 10, 0, 0, 0), 276_976, 270_880),
    "ds-cnn": (Counts(35, 13, 0, 576, 0), 53_936, 24_376),
    "resnet-8": (Counts(38, 16, 0, 336, 0), 98_496, 78_752),
    "mobilenet": (Counts(89, 31, 0, 2736, 0), 333_288, 219_072),
}


@pytest.mark.parametrize(("counts", "file_bytes", "constant_bytes"), FILES.values(), ids=FILES)
def test_a_tflite_file_is_its_constants_its_quantisation_and_its_metadata_within_10_percent(counts, file_bytes, constant_bytes):
    flash = CMSIS.flash
    assert flash is not None
    assert flash.quant_bytes_per_channel is not None
    number = {"model": 1, "tensor": counts.tensors, "operator": counts.operators}
    metadata = sum(record.size_bytes(4) * number[record.per] for record in flash.metadata)
    predicted = constant_bytes + metadata + counts.channels * flash.quant_bytes_per_channel.value
    assert predicted == pytest.approx(file_bytes, rel=0.10)
