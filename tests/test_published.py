"""The published figures in measurements/ are what the importer makes of their sources."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwcost.records import Records, read_records, write_records
from hwcost.shipped import measurements_folder

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import describe_networks  # noqa: E402
import import_published  # noqa: E402
import profile_boards  # noqa: E402


@pytest.mark.parametrize(("data", "read", "name"), import_published.SOURCES, ids=lambda part: getattr(part, "__name__", ""))
def test_rows_are_regenerated_to_the_byte(data, read, name: str, shared: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    places = import_published.by_place(read())
    assert places
    for (device, runtime), rows in places.items():
        write_records(tmp_path / "rows.csv", Records(tuple(rows), data.head()))
        shipped = measurements_folder() / device / runtime / f"{name}.csv"
        assert (tmp_path / "rows.csv").read_bytes() == shipped.read_bytes()


def test_no_file_is_left_that_no_source_makes(shared: Path) -> None:
    made = {(*place, f"{name}.csv") for _, read, name in import_published.SOURCES for place in import_published.by_place(read())}
    made |= {table.path.parts[-3:] for table in profile_boards.tables(profile_boards.CORES)}
    assert {path.parts[-3:] for path in measurements_folder().glob("*/*/*.csv")} == made


@pytest.mark.parametrize("name", describe_networks.NETWORKS)
def test_a_shipped_network_is_the_one_described(name: str) -> None:
    from hwcost.records import read_network

    assert dict(read_network(name)) == describe_networks.NETWORKS[name]()


@pytest.mark.parametrize("path", sorted(measurements_folder().glob("*/*/*.csv")), ids=lambda path: "/".join(path.parts[-3:]))
def test_a_layer_takes_longer_than_nothing(path: Path) -> None:
    for row in read_records(path).rows:
        assert (row.core_cycles or row.instructions or 0) > 0, row
