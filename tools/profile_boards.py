"""Measure the tables of measurements/emulated-*/hwcost-c/: layers of every kind on every core that is emulated.

    python tools/profile_boards.py                     # whatever is missing or of another version of the kernels
    python tools/profile_boards.py --core cortex-m4    # one core
    python tools/profile_boards.py --again             # whatever is there, too
    python tools/profile_boards.py --check             # only say which tables are missing, short or stale; exit code 1 where any is

Run it after a change of kernels or of flags. A run that was cut off goes on where it was. 1,200 layers of each of the four kinds that
take most time on the Cortex-M4, 300 on the others (600 of convolutions), half as many grouped and dilated
convolutions, fewer of the rest; the same layers on every core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hwcost.kernels.facts import facts
from hwcost.kernels.generated import Objective
from hwcost.kernels.winograd import Winograd
from hwcost.measure.profiling import Backend, profile
from hwcost.measure.profiling.rows import emulated_device
from hwcost.measure.sampling import KINDS, MAIN_KINDS, Limits, sample_kind
from hwcost.ops import Conv2d
from hwcost.records import Layer, read_records
from hwcost.sizes import round_up
from hwcost.target import Target, load_core, load_runtime

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = "hwcost-c"
HOST = "stm32l4r5"
"""The device whose memories bound the layers of every core: the emulated cores have none of their own."""
CORES = ("cortex-m4", "cortex-m0plus", "cortex-m3", "cortex-m7", "cortex-m33", "rv32imc")
DSP = ("cortex-m4", "cortex-m7", "cortex-m33")
DSP_EXTENSIONS = ("dsp",)
TILE = 4
"""Channels and places of the kernel that transforms windows."""
SEVERAL_KERNELS = {"conv2d": 600, "pointwise": 600}
"""Rows at least, of kinds that several kernels share or whose cycles depend on many sizes."""
FEWEST = 60
"""Rows of every other kind."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One file: layers of some kinds on one core."""

    core: str
    name: str
    count: int
    kinds: tuple[str, ...]
    objective: Objective = "balanced"

    @property
    def path(self) -> Path:
        return ROOT / "measurements" / emulated_device(self.core) / RUNTIME / f"{self.name}.csv"

    @property
    def target(self) -> Target:
        core = load_core(self.core)
        return replace(Target.load(HOST, RUNTIME), core=core, runtime=load_runtime(RUNTIME, core.name))

    def layers(self) -> list[Layer]:
        limits = Limits.of(self.target)
        if self.objective == "time":
            return winograds(sample_kind(self.kinds[0], 16 * self.count, limits, SEED))[: self.count]
        return [layer for kind in self.kinds for layer in sample_kind(kind, self.count, limits, SEED)]

    def is_stale(self) -> bool:
        """Whether its rows are of another version of the kernels."""
        return any(row.conditions.version != self.target.runtime.version for row in read_records(self.path).rows[:1])


def winograds(layers: Sequence[Layer]) -> list[Layer]:
    """Windows of 3 x 3 at stride 1, sizes made whole tiles: `--optimise time` runs them by the kernel that takes more flash."""
    found = {}
    for layer in layers:
        op, (channels, *size) = layer.op, layer.inputs[0].shape
        if isinstance(op, Conv2d) and op.kernel == (3, 3) and op.stride == (1, 1):
            whole = replace(op, out_channels=round_up(op.out_channels, TILE), padding=((1, 1), (1, 1)))
            image = replace(layer.inputs[0], shape=tuple(round_up(each, TILE) for each in (channels, *size)))
            made = Layer(whole, (image,))
            if Winograd().refusal(facts(made.step), DSP_EXTENSIONS, None) is None:
                found[repr(made)] = made
    return list(found.values())


def tables(cores: tuple[str, ...]) -> Iterator[Table]:
    rest = tuple(kind for kind in KINDS if kind not in (*MAIN_KINDS, "grouped"))
    for core in cores:
        count = 1200 if core == "cortex-m4" else 300
        yield from (Table(core, kind, max(count, SEVERAL_KERNELS.get(kind, 0)), (kind,)) for kind in MAIN_KINDS)
        yield Table(core, "grouped", count // 2, ("grouped",))
        yield Table(core, "others", max(count // 10, FEWEST), rest)
        if core in DSP:
            yield Table(core, "winograd", count // 4, ("conv2d",), "time")


def measured(table: Table, workers: int) -> None:
    if table.path.exists() and table.is_stale():
        table.path.unlink()
    start = time.monotonic()
    layers = table.layers()
    done = profile(layers, table.target, table.path, backend=Backend(workers=workers), objective=table.objective, seed=SEED)
    seconds = time.monotonic() - start
    rate = f"{done.added / seconds * 600:.0f} layers in 10 minutes" if done.added else "nothing to do"
    print(
        f"{table.core} {table.name}: {len(done.rows)} rows, {done.added} new in {seconds:.0f} s ({rate}), {len(done.refused)} refused",
        flush=True,
    )


def fault(table: Table) -> str | None:
    """What is wrong with a table on disk."""
    if not table.path.exists():
        return "is missing"
    return "is of another version of the kernels" if table.is_stale() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--core", action="append", choices=CORES)
    parser.add_argument("--table", action="append", help="only tables of these names")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    wanted = [table for table in tables(tuple(given.core or CORES)) if given.table is None or table.name in given.table]
    if given.check:
        faults = [f"{table.path.relative_to(ROOT)} {said}" for table in wanted if (said := fault(table))]
        print("\n".join(faults) or "every table is there and of this version")
        return 1 if faults else 0
    for table in wanted:
        if given.again:
            table.path.unlink(missing_ok=True)
        measured(table, given.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
