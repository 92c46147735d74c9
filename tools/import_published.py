"""Writes measurements/ from published data sets: the project's own rows, each with its conditions and its citation.

    HWCOST_SHARED=../shared python tools/import_published.py

Every set has a permissive licence, which the head of each file names. Equal input gives equal files.
"""

from __future__ import annotations

from collections.abc import Iterable

from published import layers, networks, vendors
from published.shapes import SHARED

from hwcost.records import Measurement, Records, write_records
from hwcost.shipped import measurements_folder

SOURCES = (
    (networks.MLPERF, networks.mlperf_tiny, "mlperf_tiny"),
    (networks.ROUND_12, networks.round_12, "mlperf_tiny_v1.2"),
    (networks.CMSIS_M0, networks.cmsis_nn_m0, "mlperf_tiny_totals"),
    (networks.TRIAL, networks.generated_trial, "mlperf_tiny_totals"),
    (layers.STM32H7, layers.stm32h7, "mobilenet_layers"),
    (layers.GAP8, layers.gap8, "mobilenet_layers"),
    (layers.CFU, layers.vexriscv, "person_detect_layers"),
    (layers.FVP, layers.corstone300, "person_detect_layers"),
    (layers.CMSIS, layers.cmsis_nn, "mlperf_tiny_layers"),
    (vendors.ESP, vendors.esp_nn, "esp_nn"),
    (vendors.SILABS, vendors.silabs, "mltk_layers"),
)


def by_place(rows: Iterable[Measurement]) -> dict[tuple[str, str], list[Measurement]]:
    places: dict[tuple[str, str], list[Measurement]] = {}
    for row in rows:
        places.setdefault((row.conditions.device, row.conditions.runtime), []).append(row)
    return places


def main() -> None:
    if not (SHARED / "data").is_dir():
        raise SystemExit(f"the data sets are not there: set HWCOST_SHARED ({SHARED} has no data/)")
    for data, read, name in SOURCES:
        for (device, runtime), rows in by_place(read()).items():
            path = measurements_folder() / device / runtime / f"{name}.csv"
            write_records(path, Records(tuple(rows), data.head()))
            print(f"{len(rows):4d} rows  {path.relative_to(measurements_folder())}")


if __name__ == "__main__":
    main()
