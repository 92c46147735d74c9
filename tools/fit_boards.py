"""Fit the latency models that ship: one for each emulated core, from its table in measurements/.

    python tools/fit_boards.py [CORE...]

Run it after tools/profile_boards.py; it takes about a minute a core and prints what `hwcost fit` prints.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hwcost.fit import Fitted, fit
from hwcost.latency import write_model
from hwcost.latency.pick import MODEL_FILE
from hwcost.records import read_together
from hwcost.report.fitting import fit_text
from hwcost.shipped import measurements_folder
from hwcost.target import Target, load_core, load_device, load_runtime
from hwcost.target.find import names

RUNTIME = "hwcost-c"


def tables() -> dict[str, Path]:
    """The folder of each core that has rows of the runtime."""
    folders = {path.name.removeprefix("emulated-"): path / RUNTIME for path in measurements_folder().glob("emulated-*")}
    return {core: folder for core, folder in sorted(folders.items()) if any(folder.glob("*.csv"))}


def target_of(core: str) -> Target:
    """A device with a core, the first described; where none is, another in its place: cycles do not depend on which."""
    devices = [load_device(name)[0] for name in names("devices")]
    device = next((device for device in devices if device.core == core), devices[0])
    return Target(replace(device, core=core), load_core(core), load_runtime(RUNTIME, core))


def shipped_fit(core: str) -> Fitted:
    """The fit of a core's whole table: the model that ships, and what it says of layers that were held out of it."""
    return fit(read_together(sorted(tables()[core].glob("*.csv"))).rows, target_of(core), baselines=False)


def main(cores: Sequence[str]) -> int:
    """Fit and write; the exit code."""
    known = tables()
    unknown = [core for core in cores if core not in known]
    if unknown:
        print(f"expected cores out of {', '.join(known)}, got {', '.join(unknown)}", file=sys.stderr)
        return 2
    for core in cores or known:
        fitted = shipped_fit(core)
        path = known[core] / MODEL_FILE
        write_model(path, fitted.model)
        print(fit_text(fitted, path.relative_to(measurements_folder())))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
