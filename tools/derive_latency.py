"""Rewrites targets/runtimes/*/*/latency/*.toml from measurements/ and prints how far off each fit is.

    python tools/derive_latency.py [--check]

The recipes are in tools/pricing/. Errors are relative to the measured value; "unseen" rows were predicted by a fit of the others, and
"constant" is one number of cycles per MAC, fitted and tested in the same way. With --check nothing is written, and files that differ
are named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pricing.fits import Figures, Quality
from pricing.recipes import derive
from pricing.toml_text import text_of

from hwcost.shipped import targets_folder


def place(reference: str, core: str) -> Path:
    return targets_folder() / "runtimes" / reference.replace("@", "/") / "latency" / f"{core}.toml"


def line(quality: Quality) -> str:
    unseen = f"{quality.unseen.mape:7.1%}" if quality.unseen else "      -"
    constant = f"{quality.constant.mape:9.1%}" if quality.constant else "        -"
    return f"  {quality.title:76s} {quality.rows:4d} {quality.own.mape:7.1%} {unseen} {constant}"


def write(found: dict[tuple[str, str], Figures], check: bool) -> list[str]:
    stale = []
    for (reference, core), figures in found.items():
        path, text = place(reference, core), text_of(figures.latency)
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(f"{reference} {core}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return stale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file differs")
    check = parser.parse_args().check
    found = derive()
    print(f"  {'fit':76s} rows     own  unseen  constant")
    for (reference, core), figures in found.items():
        print(f"{reference} on {core}: {len(figures.latency.prices)} prices")
        for quality in figures.qualities:
            print(line(quality))
    stale = write(found, check)
    print(f"{'differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
