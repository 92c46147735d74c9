"""What generated firmware takes on emulated cores, beside what was predicted and beside CMSIS-NN: the claims of docs/deploy.md, measured.

The reference networks (seeded weights, quantised on seeded noise) are deployed, built and run on the emulated core; instructions are
counted exactly, cycles by the core's documented table. CMSIS-NN's rows are recorded, not run here. Answers are held against onnxruntime's
on noise, those of trained networks too where their folder is there. By default the Cortex-M4 and M0+, 10 random networks and 100 inputs;
with --full every core, 50 and 1,000.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploying.agreeing import agreement_figures, trained_networks
from deploying.networks import random_networks, reference_networks
from deploying.speed import instructions_a_second, seconds_of_deploying
from figures import Figure, arguments, machine, report

from hwcost.deploy.compilers import found
from hwcost.deploy.emit.folder import BUILDS
from hwcost.kernels.generated import Objective
from hwcost.memory.ram import ram
from hwcost.target import Target
from hwcost.verify.deployment import Order, built, deployed, write
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
ARENAS = {"autoencoder": 768, "dscnn": 16_000, "resnet8": 49_152, "mobilenetv1": 55_296}
"""Bytes of activations that no plan goes below, inputs and outputs included."""
SCRATCH_GOAL_BYTES = 8192
EMULATED_GOAL = 100.0
"""Million instructions a second."""
COLD_GOAL_S, WARM_GOAL_S = 15.0, 5.0


@dataclass(frozen=True)
class Ran:
    """One network on one core."""

    name: str
    core: str
    objective: str
    truth: Truth

    def multiplying(self, what: str) -> int:
        """Cycles or instructions of the layers that multiply."""
        return sum(getattr(layer, what) or 0 for layer in self.truth.layers if layer.op in MULTIPLYING)


def run(name: str, model: Path, core: str, folder: Path, objective: Objective = "balanced") -> Ran:
    return Ran(name, core, objective, deployed(_order(name, model, core, folder, objective), board="emulated"))


def _order(name: str, model: Path, core: str, folder: Path, objective: Objective = "balanced") -> Order:
    return Order(model, Target.load(DEVICES[core], "hwcost-c"), folder / f"{name}-{core}-{objective}", optimise=objective)


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


def arena_figures(name: str, order: Order) -> list[Figure]:
    """Activations alone, and what working memory adds to the arena, which may use what activations leave free."""
    planned = write(order)
    graph = planned.program.graph
    alone = ram(graph, order.target, [0] * len(graph.steps)).arena_bytes
    added = planned.project.arena_bytes - alone
    return [
        Figure(f"{name}: arena without working memory", alone, "bytes", ARENAS.get(name)),
        Figure("  added by working memory of kernels", added, "bytes", SCRATCH_GOAL_BYTES),
    ]


def wait_figures(model: Path, folder: Path) -> list[Figure]:
    """What a user of ResNet-8 on the Cortex-M4 waits for, and whether the same order gives the same bytes."""
    target = Target.load(DEVICES["cortex-m4"], "hwcost-c")
    orders = [Order(model, target, folder / name) for name in ("one", "another")]
    one, another = (write(order) for order in orders)
    image = built(one, orders[0])
    fast = instructions_a_second(image, target.core, 32 * 32 * 3, 10)
    cold, warm = seconds_of_deploying(model, target.device.name, folder)
    return [
        Figure("emulated speed, ResNet-8 on the Cortex-M4: million instructions a second", fast / 1e6, "M/s", EMULATED_GOAL, "higher"),
        Figure("deploy and run ResNet-8 on the emulated M4, compiler never used before", cold, "s", COLD_GOAL_S),
        Figure("  once more over what that left", warm, "s", WARM_GOAL_S),
        Figure("files that differ between two folders", _differing(one.project.folder, another.project.folder), "files", 0.0),
    ]


def _differing(one: Path, another: Path) -> int:
    """Files of one folder that are not in the other with the same bytes; what was built is left out."""
    contents = [
        {(path.relative_to(folder), path.read_bytes()) for path in folder.rglob("*") if path.is_file() and BUILDS not in path.parts}
        for folder in (one, another)
    ]
    return len(contents[0] ^ contents[1])


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
        placed = [figure for name, model in networks.items() for figure in arena_figures(name, _order(name, model, "cortex-m4", folder))]
        waits = wait_figures(networks["resnet8"], folder / "waits")
        answers = agreement_figures({**networks, **trained_networks()}, 1000 if given.full else 100)
    figures = [figure for each in runs for figure in cost_figures(each, recorded.get(each.core, {}).get(each.name))]
    figures.append(Figure("resnet8 on cortex-m4, time: cycles", fast.multiplying("cycles") / 1e6, "M", TIME_GOAL_CYCLES / 1e6))
    figures += size_figures([*runs, fast, *others])
    figures += [*placed, *waits, *answers]
    conditions = machine() | {"compiler": found().version, "random networks": len(others), "runs": len(runs) + 1 + len(others)}
    return report(figures, conditions, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
