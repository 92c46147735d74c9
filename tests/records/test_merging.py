"""Rows of several runs make one table, or are refused with what keeps them apart."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hwcost.errors import MeasurementError
from hwcost.ops import Conv2d
from hwcost.records import Conditions, Layer, Measurement, Records, append_records, merged, read_records, read_together, write_records
from hwcost.tensor import int8

CONDITIONS = Conditions("stm32l4r5", "cortex-m4", 120e6, "hwcost-c", "1", flags="-O3", wait_states="0", caches="none", board="one")
CONV = Layer(Conv2d(16, (3, 3)), (int8(3, 32, 32),))


def row(cycles: float = 100.0, layer: Layer = CONV, **changes: object) -> Measurement:
    plain = Measurement("", "", layer, CONDITIONS, "emulated", "a test", cycles=cycles, implementation="portable", repeats=1)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_three_runs_of_a_layer_become_their_median() -> None:
    (one,) = merged([row(90.0), row(100.0), row(140.0)])
    assert (one.cycles, one.repeats) == (100.0, 3)
    assert one.spread == pytest.approx(0.196386)  # population deviation 21.6025 of the mean 110


def test_counts_of_a_median_are_those_of_one_run() -> None:
    runs = [row(instructions=float(n), classes={"load": float(n) - 3, "branch": 3.0}) for n in (7, 9, 30)]
    (one,) = merged(runs)
    assert one.instructions == 9
    assert sum(one.classes.values()) == 9


@pytest.mark.parametrize(
    "other",
    [row(implementation="dsp-tile"), row(layer=Layer(Conv2d(17, (3, 3)), (int8(3, 32, 32),))), row(source="measured")],
    ids=("kernel", "layer", "source"),
)
def test_rows_about_something_else_are_not_merged(other: Measurement) -> None:
    assert len(merged([row(), other])) == 2


def test_classes_and_kernel_survive_a_file_whose_head_says_what_all_rows_share(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = tuple(row(float(n), instructions=5.0, classes={"load": 2.0, "store-pair": 3.0}) for n in range(3))
    write_records(path, Records(rows, {"title": "t"}), head=("flags", "citation", "board"))
    assert "# flags: -O3\n" in path.read_text()
    assert path.read_text().count("-O3") == 1
    assert read_records(path).rows == rows
    assert read_records(path).provenance == {"title": "t"}


def test_classes_that_do_not_add_up_are_refused_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write_records(path, Records((row(instructions=6.0, classes={"load": 2.0, "store": 3.0}),)))
    with pytest.raises(MeasurementError, match="row 2: column 'instructions': expected the sum of its classes, 5, got 6"):
        read_records(path)


@pytest.mark.parametrize(
    "change", [{"clock_hz": 80e6}, {"device": "rp2040"}, {"version": "2"}, {"flags": "-Os"}, {"wait_states": "5"}, {"caches": "16 KiB"}]
)
def test_files_of_other_conditions_do_not_mix(change: dict[str, object], tmp_path: Path) -> None:
    (name,) = change
    other = row(layer=Layer(Conv2d(9), (int8(3, 4, 4),)), conditions=replace(CONDITIONS, **change))  # type: ignore[arg-type]
    for file, one in (("a.csv", row()), ("b.csv", other)):
        write_records(tmp_path / file, Records((one,)))
    with pytest.raises(MeasurementError, match=f"{name}: "):
        read_together([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_another_specimen_on_another_day_belongs_to_the_same_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append_records(path, [row(100.0)])
    table = append_records(path, [row(110.0, conditions=replace(CONDITIONS, board="two", date="2026"))])
    assert [one.cycles for one in table.rows] == [105.0]
    assert read_records(path).rows == table.rows


def test_appending_other_conditions_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append_records(path, [row()])
    before = path.read_bytes()
    with pytest.raises(MeasurementError, match="clock_hz"):
        append_records(path, [row(conditions=replace(CONDITIONS, clock_hz=1e6))])
    assert path.read_bytes() == before


def test_a_crash_while_appending_leaves_the_old_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.csv"
    append_records(path, [row()])
    before = path.read_bytes()

    def crash(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="no space"):
        append_records(path, [row(layer=Layer(Conv2d(9), (int8(3, 4, 4),)))])
    assert path.read_bytes() == before
