"""Costs at fractional widths and their gradients, held against the network walked with searched sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from hwcost import Target, kernels, latency
from hwcost.compiled import CompiledCost
from hwcost.cost import placement
from hwcost.errors import NotDifferentiableError
from hwcost.frontends.from_torch import from_torch
from hwcost.graph import Graph
from hwcost.latency import AnalyticModel, Basis, LatencyModel
from hwcost.memory.flash import flash
from hwcost.memory.lifetime import lifetimes
from hwcost.memory.ram import fixed_bytes
from hwcost.nas.relaxation import Relaxation, stand_in
from hwcost.tasks import reference_network
from tests.nas.networks import Joined, Residual, Separable, example

TARGETS = ("stm32l4r5", "gap8", "esp32s3-n16r8")
NETWORKS = ("dscnn", "resnet8", "Residual", "Separable", "Joined")
LIMITS = {"ram_bytes": 20_000, "flash_bytes": 90_000, "latency_s": 0.01}
OWN = {kind.__name__: kind for kind in (Residual, Separable, Joined)}


@pytest.fixture(scope="module")
def graphs() -> Mapping[str, Graph]:
    def read(name: str) -> Graph:
        if name in OWN:
            return from_torch(OWN[name]().eval(), example(OWN[name])).as_int8()
        network = reference_network(name)
        return from_torch(network, network.example_input()).as_int8()

    return {name: read(name) for name in NETWORKS}


def free(compiled: CompiledCost) -> list[int]:
    return [index for index, group in enumerate(compiled.groups) if group.frozen is None]


def walked(compiled: CompiledCost, graph: Graph, target: Target, widths: torch.Tensor) -> torch.Tensor:
    """Used / limit by walking the network, one scalar tensor for each free group."""
    bound = {node: widths[i] for i, index in enumerate(free(compiled)) for node in compiled.groups[index].nodes}
    network = graph.rebind(bound)
    live = lifetimes(graph, target.runtime.ram.in_place).live_bytes(network.values)
    scratch = [kernels.choose(step, target.runtime, target.core).scratch_bytes or 0 for step in network.steps]
    rows = [row + asked + fixed_bytes(network, target) for row, asked in zip(live, scratch, strict=True)]
    found = latency.choose(target).predict(network, target, placement(graph, target))
    used = [*rows, flash(network, target.runtime).total_bytes]
    limits = [*[LIMITS["ram_bytes"]] * len(rows), LIMITS["flash_bytes"]]
    if found.latency_s is not None:
        used, limits = [*used, found.latency_s], [*limits, LIMITS["latency_s"]]
    return torch.stack([torch.as_tensor(u, dtype=torch.float64) / limit for u, limit in zip(used, limits, strict=True)])


def jacobian(usage, widths: torch.Tensor) -> torch.Tensor:
    rows = usage(widths)
    return torch.stack([torch.autograd.grad(row, widths, retain_graph=True, allow_unused=True)[0] for row in rows if row.requires_grad])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("device", TARGETS)
def test_values_and_gradients_are_those_of_the_walked_network(graphs: Mapping[str, Graph], name: str, device: str) -> None:
    target, graph = Target.load(device), graphs[name]
    compiled = CompiledCost(graph, target)
    priced = {metric: limit for metric, limit in LIMITS.items() if metric not in compiled(compiled.base).absent}
    relaxation = Relaxation(compiled, free(compiled), priced)
    random = np.random.default_rng(5)
    sizes = compiled.base[free(compiled)]
    for places in (sizes, random.integers(1, sizes + 1), random.uniform(0.2, 1.0, len(sizes)) * sizes):
        widths = torch.tensor(places, dtype=torch.float64, requires_grad=True)
        found, expected = relaxation.usage(widths), walked(compiled, graph, target, widths)
        # Walked, the bytes of each tensor are rounded up; columns leave the fraction of a byte, which whole widths do not have.
        bytes_off = 0 if places.dtype.kind == "i" else 4 * len(graph.nodes)
        slack = torch.tensor([bytes_off / LIMITS[m] if m.endswith("bytes") else 2e-3 * bool(bytes_off) for m in relaxation.metrics])
        assert ((found - expected).abs() <= slack + 1e-12 * expected).all()
        ours, theirs = jacobian(relaxation.usage, widths), jacobian(lambda w: walked(compiled, graph, target, w), widths)
        assert torch.allclose(ours, theirs, rtol=1e-2 if bytes_off and device == "gap8" else 1e-9, atol=1e-15)


def test_a_constraint_for_every_step_and_one_for_every_other_limit(graphs: Mapping[str, Graph]) -> None:
    compiled = CompiledCost(graphs["Residual"], Target.load("stm32l4r5"))
    relaxation = Relaxation(compiled, free(compiled), LIMITS)
    steps = len(graphs["Residual"].steps)
    assert relaxation.metrics == (*["ram_bytes"] * steps, "flash_bytes", "latency_s")
    widths = torch.tensor(compiled.base[free(compiled)], dtype=torch.float64)
    cost = compiled(compiled.base)
    assert relaxation.usage(widths)[:steps].mul(LIMITS["ram_bytes"]).tolist() == pytest.approx(cost.step_bytes.tolist())
    assert not relaxation.usage(widths).requires_grad


def test_one_byte_over_a_large_limit_is_over(graphs: Mapping[str, Graph]) -> None:
    compiled = CompiledCost(graphs["Residual"], Target.load("stm32l4r5"))
    taken = int(compiled(compiled.base).flash_bytes)
    widths = torch.tensor(compiled.base[free(compiled)], dtype=torch.float64, requires_grad=True)
    over, full = (Relaxation(compiled, free(compiled), {"flash_bytes": taken - byte}).overshoot(widths) for byte in (1, 0))
    assert over.tolist() == [pytest.approx(1 / (taken - 1))]
    assert full.tolist() == [0.0]


def test_one_width_can_stand_for_several_groups(graphs: Mapping[str, Graph]) -> None:
    compiled = CompiledCost(graphs["Residual"], Target.load("stm32l4r5"))
    columns = free(compiled)
    shared = Relaxation(compiled, columns, LIMITS, sources=[0] * len(columns))
    apart = Relaxation(compiled, columns, LIMITS)
    one, many = torch.tensor([5.0], dtype=torch.float64, requires_grad=True), torch.full((len(columns),), 5.0, dtype=torch.float64)
    many.requires_grad_()
    assert torch.equal(shared.usage(one), apart.usage(many))
    assert torch.allclose(jacobian(shared.usage, one)[:, 0], jacobian(apart.usage, many).sum(dim=1))


@dataclass(frozen=True)
class Trees(LatencyModel):
    """A model of steps, as regression trees are, on top of another model or of none."""

    below: LatencyModel | None = None

    @property
    def differentiable(self) -> bool:
        return False

    @property
    def differentiable_part(self) -> LatencyModel | None:
        return self.below

    def layer_cycles(self, step, kernel, target, placed=None):
        return 1000.0 * (1 + step.work.macs // 1000)


def test_a_model_without_gradient_is_refused_with_what_to_do() -> None:
    target = Target.load("stm32l4r5")
    basis = Basis("fitted", "measured", "trees")
    analytic = AnalyticModel.of(target.runtime, target.core.name)
    trees = Trees("trees", target.runtime.reference, target.core.name, basis)
    with pytest.raises(NotDifferentiableError, match=r"'trees' has no gradient.*strategy='projection'.*differentiable_part"):
        stand_in(target, trees)
    assert stand_in(target, Trees("trees", target.runtime.reference, target.core.name, basis, analytic)) is analytic
    assert stand_in(target, None) is stand_in(target, analytic) is None
