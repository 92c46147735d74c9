"""What generated firmware takes on emulated cores, beside what was predicted and beside CMSIS-NN: the claims of docs/deploy.md, measured.

The reference networks (seeded weights, quantised on seeded noise) are deployed, built and run on the emulated core; instructions are
counted exactly, cycles by the core's documented table. CMSIS-NN's rows are recorded, not run here. By default the Cortex-M4 and M0+ and 10
random networks; with --full every core and 50.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploying.networks import random_networks, reference_networks
from figures import Figure, arguments, machine, report

from hwcost.deploy.compilers import found
from hwcost.target import Target
from hwcost.verify.deployment import Order, deployed
from hwcost.verify.truth import Truth

RECORDED = Path(__file__).parent / "deploying" / "cmsis_nn.json"
MULTIPLYING = ("conv2d", "conv1d", "depthwise_conv2d", "depthwise_conv1d", "dense")
DEVICES = {
    "cortex-m4": "stm32l4r5",
    "cortex-m0plus": "rp2040",
    "cortex-m33": "stm32u575",
    "cortex-m7": "stm32h743",
    "rv32imc": "esp32c3",
}
BALANCED = {
    "resnet8": (13.2e6, 12.2e6),
    "mobilenetv1": (10.5e6, 9.4e6),
    "dscnn": (3.5e6, 3.15e6),
    "autoencoder": (0.35e6, 0.31e6),
}
"""Goals on the Cortex-M4 and M33: cycles and instructions of convolution, depthwise and dense layers."""
TIME_GOAL_CYCLES = 10.3e6


@dataclass(frozen=True)
class Ran:
    """One network on one core."""

    name: str
    core: str
    objective: str
    truth: Truth
    seconds: float

    def multiplying(self, what: str) -> int:
        """Cycles or instructions of the layers that multiply."""
        return sum(getattr(layer, what) or 0 for layer in self.truth.layers if layer.op in MULTIPLYING)


def run(name: str, model: Path, core: str, folder: Path, objective: str = "balanced") -> Ran:
    order = Order(model, Target.load(DEVICES[core], "hwcost-c"), folder / f"{name}-{core}-{objective}", optimise=objective)
    start = time.perf_counter()
    truth = deployed(order, board="emulated")
    return Ran(name, core, objective, truth, time.perf_counter() - start)


def cost_figures(ran: Ran, recorded: dict[str, dict[str, int]] | None) -> list[Figure]:
    """Cycles and instructions of one network, in millions, against the goal or the recorded library."""
    figures = []
    goals = BALANCED.get(ran.name) if ran.core in ("cortex-m4", "cortex-m33") else None
    for index, what in enumerate(("cycles", "instructions")):
        value = ran.multiplying(what)
        goal = goals[index] if goals else recorded[what] if recorded and ran.core == "cortex-m0plus" else None
        label = f"{ran.name} on {ran.core}, {ran.objective}: {what}"
        figures.append(Figure(label, value / 1e6, "M", None if goal is None else goal / 1e6))
        if recorded:
            figures.append(Figure("  CMSIS-NN over ours (CMSIS-NN as recorded)", recorded[what] / value, "x", None, "higher"))
    return figures


def size_figures(runs: list[Ran]) -> list[Figure]:
    """How far the predicted bytes were from the measured ones."""
    ram = [_ram_apart(each.truth) for each in runs]
    for each in (run for run, good in zip(runs, ram, strict=True) if not good):
        said, found_there = each.truth.predicted.ram_bytes, each.truth.measured.ram_bytes
        print(f"{each.name} on {each.core}: RAM {found_there:,} bytes, predicted {said:,}", file=sys.stderr)
    flash = [abs(each.truth.measured.flash_bytes - each.truth.predicted.flash_bytes) / each.truth.measured.flash_bytes for each in runs]
    exact = sum(each.truth.agreement.bit_exact for each in runs)
    return [
        Figure("networks whose RAM is within 1 % or 128 bytes of the prediction", 100 * sum(ram) / len(runs), "%", 100.0, "higher"),
        Figure("flash apart from the prediction, worst", 100 * max(flash), "%", 3.0),
        Figure("networks that answer bit for bit as the program", 100 * exact / len(runs), "%", 100.0, "higher"),
        Figure("outputs within one step of onnxruntime, worst network", 100 * min(_within(each) for each in runs), "%", 99.9, "higher"),
    ]


def _within(ran: Ran) -> float:
    return ran.truth.agreement.ort_within_one_fraction


def _ram_apart(truth: Truth) -> bool:
    apart = abs(truth.measured.ram_bytes - truth.predicted.ram_bytes)
    return apart <= max(128, truth.measured.ram_bytes // 100)


def main() -> int:
    given = arguments(__doc__ or "").parse_args()
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        networks = reference_networks(folder / "networks")
        cores = list(DEVICES) if given.full else ["cortex-m4", "cortex-m0plus"]
        runs = [run(name, model, core, folder) for core in cores for name, model in networks.items()]
        fast = run("resnet8", networks["resnet8"], "cortex-m4", folder, "time")
        chance = random_networks(50 if given.full else 10, 0, folder / "random")
        others = [run(f"random{i}", model, "cortex-m4", folder) for i, model in enumerate(chance)]
    figures = [figure for each in runs for figure in cost_figures(each, recorded.get(each.core, {}).get(each.name))]
    figures.append(Figure("resnet8 on cortex-m4, time: cycles", fast.multiplying("cycles") / 1e6, "M", TIME_GOAL_CYCLES / 1e6))
    figures += size_figures([*runs, fast, *others])
    first = next(each for each in runs if each.name == "resnet8")
    figures.append(Figure("deploy, build and run ResNet-8 on the emulated M4, in a new folder", first.seconds, "s", 15.0))
    conditions = machine() | {"compiler": found().version, "random networks": len(others), "runs": len(runs) + 1 + len(others)}
    return report(figures, conditions, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
