"""Measurements survive their files, and files that are wrong say where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import MeasurementError
from hwcost.ops import Add, AveragePool2d, Conv1d, Conv2d, Dense, DepthwiseConv2d, Relu, Reshape, Softmax, relu6
from hwcost.records import Conditions, Layer, Measurement, Records, network_names, read_network, read_records, write_records
from hwcost.shipped import measurements_folder
from hwcost.tensor import float32, int8

CONDITIONS = Conditions("stm32l4r5", "cortex-m4", 120e6, "tflm-cmsis-nn", "2026.10", compiler="gcc 13 -O3", date="2026-11-01")
LAYERS = (
    Layer(Conv2d(16, (3, 3), (2, 2), ((0, 1), (0, 1)), activation=relu6()), (int8(3, 32, 32),)),
    Layer(Conv2d(8, groups=4), (int8(8, 5, 5),), weight_bits=4),
    Layer(DepthwiseConv2d((3, 3), padding=((1, 1), (1, 1)), multiplier=2, activation=Relu()), (int8(4, 8, 8),)),
    Layer(Conv1d(4, (3,), dilation=(2,)), (int8(2, 16),)),
    Layer(Dense(10, bias=False), (float32(64),), weight_bits=32),
    Layer(Add(), (int8(4, 8, 8), int8(4, 8, 8))),
    Layer(AveragePool2d((8, 8), stride=(8, 8)), (int8(4, 8, 8),)),
    Layer(Reshape.between((4, 2, 2), (16,)), (int8(4, 2, 2),)),
    Layer(Softmax(), (int8(10),)),
)


def row(layer: Layer | None, **changes: object) -> Measurement:
    plain = Measurement("resnet8", "layer", layer, CONDITIONS, "measured", "a test", cycles=1000.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def written(tmp_path: Path, *rows: Measurement) -> Path:
    path = tmp_path / "rows.csv"
    write_records(path, Records(rows, {"title": "rows of a test", "licence": "none"}))
    return path


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.op.kind)
def test_a_layer_comes_back_as_it_was_written(layer: Layer, tmp_path: Path) -> None:
    records = read_records(written(tmp_path, row(layer)))
    assert records.rows == (row(layer),)
    assert records.provenance == {"title": "rows of a test", "licence": "none"}


def test_rows_of_different_operators_share_a_file(tmp_path: Path) -> None:
    whole = row(None, cycles=None, latency_s=0.25, energy_j=0.01, repeats=5, spread=0.02)
    rows = (*(row(layer) for layer in LAYERS), whole)
    assert read_records(written(tmp_path, *rows)).rows == rows


@settings(max_examples=50, deadline=None)
@given(
    channels=st.integers(1, 512), size=st.integers(3, 64), kernel=st.integers(1, 3), stride=st.integers(1, 3),
    cycles=st.floats(0, 1e12), clock_hz=st.floats(1e3, 1e10),
)  # fmt: skip
def test_numbers_keep_every_digit(
    tmp_path_factory: pytest.TempPathFactory, channels: int, size: int, kernel: int, stride: int, cycles: float, clock_hz: float
) -> None:
    layer = Layer(Conv2d(channels, (kernel, 1), (stride, 1)), (int8(3, size, size),))
    one = row(layer, cycles=cycles, conditions=replace(CONDITIONS, clock_hz=clock_hz))
    assert read_records(written(tmp_path_factory.mktemp("rows"), one)).rows == (one,)


def test_time_becomes_cycles_at_the_clock_it_was_taken_at() -> None:
    assert row(None, cycles=None, latency_s=0.5).core_cycles == 60e6
    assert row(None, cycles=7.0, latency_s=0.5).core_cycles == 7.0


def test_instructions_are_not_cycles() -> None:
    assert row(None, cycles=None, instructions=1e6).core_cycles is None


def test_every_fault_is_listed_with_its_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(
        "# title: wrong on purpose\n"
        "op,input_shapes,out_channels,kernel,cycles,source,citation,device,core,clock_hz,runtime,version\n"
        "conv2d,3x8x8,4,3x3,-5,measured,me,d,c,1e6,r,1\n"
        "conv2d,3x8x8,,3x3,5,measured,me,d,c,1e6,r,1\n"
        "cnv2d,3x8x8,4,3x3,5,measured,me,d,c,1e6,r,1\n"
        "conv2d,3x2x2,4,3x3,5,guessed,me,d,c,fast,r,1\n"
        "network,,,,,measured,me,d,c,1e6,r,1\n"
    )
    with pytest.raises(MeasurementError) as caught:
        read_records(path)
    text = str(caught.value)
    for place in (
        "row 3: column 'cycles'", "row 4: column 'out_channels'", "row 5: column 'op'", "row 6: column 'input_shapes'",
        "row 6: column 'clock_hz'", "row 6: column 'source'", "row 7: column 'cycles': expected cycles, latency_s or instructions",
    ):  # fmt: skip
        assert place in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a file without a header"),
        ("op,source\nconv2d\n", "broken row"),
        ("op,colour,source,citation,device,core,clock_hz,runtime,version\n", "column 'colour'"),
        ("op,op,source,citation,device,core,clock_hz,runtime,version\n", "column 'op' stands twice"),
        ("op,source,citation,device,core,clock_hz,runtime,version\nconv2d,\"open", "broken row"),
    ],
)  # fmt: skip
def test_files_that_are_no_measurements_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(MeasurementError, match=said):
        read_records(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(b"op,source\n\xff\xfe\n")
    with pytest.raises(MeasurementError, match="UTF-8"):
        read_records(path)
    with pytest.raises(MeasurementError, match="a directory"):
        read_records(tmp_path)


def test_a_cell_that_pandas_would_cut_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="column 'citation'"):
        written(tmp_path, row(LAYERS[0], citation="issue #23"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = written(tmp_path, row(LAYERS[0]))
    before = path.read_bytes()
    with pytest.raises(MeasurementError):
        written(tmp_path, row(LAYERS[0], notes="two\nlines"))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]


SHIPPED = sorted(measurements_folder().glob("*/*/*.csv"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "/".join(path.parts[-3:]))
def test_shipped_rows_are_whole_and_where_they_belong(path: Path) -> None:
    records = read_records(path)
    device, runtime = path.parts[-3:-1]
    measured_here = device.startswith("emulated-")
    assert ({"title"} if measured_here else {"title", "origin", "licence"}) <= records.provenance.keys()
    assert records.rows
    for one in records.rows:
        assert (one.conditions.device, one.conditions.runtime) == (device, runtime)
        assert one.layer is not None or one.network in network_names()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "/".join(path.parts[-3:]))
def test_pandas_reads_the_same_rows(path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(path, comment="#")
    rows = read_records(path).rows
    assert len(frame) == len(rows)
    if "cycles" in frame:
        assert [None if pandas.isna(n) else n for n in frame["cycles"]] == [one.cycles for one in rows]


@pytest.mark.parametrize(
    ("name", "macs", "params"),
    [
        ("resnet8", 12_501_632, 77_706),
        ("ds_cnn", 2_656_768, 22_604),
        ("mobilenet_v1_025_96", 7_489_664, 210_850),
        ("autoencoder", 264_192, 265_864),
    ],
)
def test_described_networks_are_the_reference_networks(name: str, macs: int, params: int) -> None:
    steps = [layer.step for layer in read_network(name).values()]
    assert sum(step.work.macs for step in steps) == macs
    assert sum(step.work.params for step in steps) == params


def test_a_network_nobody_described_is_refused_with_the_names() -> None:
    with pytest.raises(MeasurementError, match="ds_cnn"):
        read_network("resnet9")
