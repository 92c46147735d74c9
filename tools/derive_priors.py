"""Write hwcost/measure/sampling/shapes.csv: layer shapes that occur in real networks, from nn-Meter's lists of them.

    python tools/derive_priors.py FOLDER    # conv.csv, dwconv.csv, fc.csv and pooling.csv of nn-Meter's prior_config_lib

The lists are part of microsoft/nn-Meter @ cd8dab4 (nn_meter/builder/kernel_predictor_builder/data_sampler/prior_config_lib), MIT.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[1] / "hwcost" / "measure" / "sampling" / "shapes.csv"
HEAD = """\
# title: Shapes of layers in 25 networks for images, each once with the number of networks it occurs in
# origin: microsoft/nn-Meter @ cd8dab4, nn_meter/builder/kernel_predictor_builder/data_sampler/prior_config_lib
# licence: MIT, Copyright (c) Microsoft Corporation
# citation: Zhang et al., nn-Meter, MobiSys 2021, 10.1145/3458864.3467882
# written by: tools/derive_priors.py
"""
COLUMNS = ("kind", "in_channels", "out_channels", "kernel", "stride", "size", "networks")
FILES = {"conv.csv": "conv2d", "dwconv.csv": "depthwise", "fc.csv": "dense", "pooling.csv": "pool"}


def kind_of(file: str, row: dict[str, str]) -> str | None:
    """The kind of a row; None for grouped convolutions, which are neither."""
    if FILES[file] != "conv2d":
        return FILES[file]
    if row["groups"] != "1":
        return "depthwise" if row["groups"] == row["cin"] == row["cout"] else None
    return "pointwise" if row["ks"] == "1" else "conv2d"


def shapes(folder: Path) -> dict[tuple[str, ...], set[str]]:
    """Each shape with the networks that have it."""
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for file in FILES:
        with (folder / file).open(newline="") as lines:
            for row in csv.DictReader(lines):
                kind = kind_of(file, row)
                if kind is not None:
                    key = (kind, row["cin"], row["cout"], row.get("ks", "1"), row.get("stride", "1"), row.get("input_h", "1"))
                    found[key].add(row["model"])
    return found


def main() -> None:
    found = shapes(Path(sys.argv[1]))
    rows = sorted((key[0], *map(int, key[1:]), len(networks)) for key, networks in found.items())
    with OUTPUT.open("w", newline="", encoding="utf-8") as file:
        file.write(HEAD)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    print(f"{OUTPUT}: {len(rows)} shapes")


if __name__ == "__main__":
    main()
