"""The shipped tables of our own kernels: there for every core, full, and of the kernels as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import profile_boards  # noqa: E402

from hwcost.kernels import choose  # noqa: E402
from hwcost.records import Measurement, read_records, require_one_condition  # noqa: E402
from hwcost.target import load_runtime  # noqa: E402

PLACE = 0.006
"""What the place of a kernel in its image may still change on cores that start two instructions at once."""

TABLES = list(profile_boards.tables(profile_boards.CORES))


@pytest.fixture(scope="module", params=TABLES, ids=lambda table: f"{table.core}-{table.name}")
def table(request: pytest.FixtureRequest) -> tuple[profile_boards.Table, tuple[Measurement, ...]]:
    return request.param, read_records(request.param.path).rows


def test_rows_are_of_the_kernels_as_they_are(table: tuple[profile_boards.Table, tuple[Measurement, ...]]) -> None:
    about, rows = table
    assert {row.conditions.version for row in rows} == {load_runtime("hwcost-c").version}, "run tools/profile_boards.py"
    require_one_condition(rows)
    assert {row.conditions.device for row in rows} == {f"emulated-{about.core}"}


def test_a_table_has_as_many_layers_as_it_should_and_each_once(table: tuple[profile_boards.Table, tuple[Measurement, ...]]) -> None:
    about, rows = table
    assert len(rows) == about.count * len(about.kinds)
    assert len({repr((row.layer, row.implementation)) for row in rows}) == len(rows)


def test_cycles_are_at_least_half_of_the_instructions(table: tuple[profile_boards.Table, tuple[Measurement, ...]]) -> None:
    """A core that starts two at once takes half a cycle each, no less."""
    for row in table[1]:
        assert row.cycles is not None
        assert row.instructions is not None
        assert row.cycles >= row.instructions / 2
        assert row.instructions == sum(row.classes.values())
        assert row.implementation


def test_the_kernel_that_ran_is_the_one_that_is_priced(table: tuple[profile_boards.Table, tuple[Measurement, ...]]) -> None:
    about, rows = table
    target = about.target
    for row in rows:
        assert row.layer is not None
        kernel = choose(row.layer.step, target.runtime, target.core, objective=about.objective)
        assert kernel.implementation == row.implementation, row.layer


@pytest.mark.parametrize("core", profile_boards.CORES)
def test_measuring_again_gives_the_same_cycles(core: str) -> None:
    """Whatever the version says: a layer of each kind and kernel, run again."""
    pytest.importorskip("ziglang")
    pytest.importorskip("unicorn")
    from hwcost.measure.profiling import Backend, measure

    for objective in ("balanced", "time"):
        tables = [table for table in profile_boards.tables((core,)) if table.objective == objective]
        rows = [row for table in tables for row in read_records(table.path).rows]
        some = {(row.layer.op.kind, row.implementation): row for row in reversed(rows) if row.layer is not None}
        if some:
            layers = [row.layer for row in some.values() if row.layer is not None]
            again = measure(layers, tables[0].target, backend=Backend(workers=1), objective=objective, seed=profile_boards.SEED)
            found = {row.layer: row.cycles for row in again}
            assert found == {row.layer: pytest.approx(row.cycles, rel=PLACE) for row in some.values()}, "run tools/profile_boards.py"
