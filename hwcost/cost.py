"""What a network costs on a target: four figures, where each comes from, and what every layer takes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hwcost import energy, kernels, latency
from hwcost.graph import Graph, Step
from hwcost.kernels import Kernel
from hwcost.latency import Absent, Basis, LatencyModel, Prediction
from hwcost.memory.flash import Flash, flash_of
from hwcost.memory.ram import Ram, ram, stack_of
from hwcost.memory.regions import FlashPlacement, Region, place_flash, regions
from hwcost.target import Target

ARENA = Basis("analytic", "documented", "placed arena and the runtime's records")
IMAGE = Basis("analytic", "documented", "constants and the runtime's records")


@dataclass(frozen=True, slots=True)
class NodeCost:
    """One layer's share; `latency_s` is None where nobody can price it, `weight_region` where it has no weights."""

    name: str
    op: str
    kernel: str
    macs: int
    params: int
    weight_bytes: int
    weight_region: str | None
    out_bytes: int
    latency_s: float | None
    live_bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Latency, RAM, flash and energy of one network on one target.

    A metric that nobody can price is None, and `absent` says why; `basis` says how the others were found. `lower_bound` is set
    where operators were left out or have no kernel, and `not_counted` names everything no figure exists for.
    """

    latency_s: float | None
    ram_bytes: int
    flash_bytes: int
    energy_j: float | None
    basis: Mapping[str, Basis]
    absent: Mapping[str, str]
    nodes: tuple[NodeCost, ...]
    ram: Ram
    flash: Flash
    regions: tuple[Region, ...]
    not_counted: tuple[str, ...] = ()
    unsupported: tuple[tuple[str, str], ...] = ()
    reference_nodes: tuple[str, ...] = ()
    interval: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    """What the models were not made for: layers beyond the measured ones, provisional figures."""

    @property
    def lower_bound(self) -> bool:
        """Whether some operator is missing from the totals."""
        return bool(self.unsupported)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(node.macs for node in self.nodes)


def estimate(
    graph: Graph,
    target: Target,
    *,
    latency_model: LatencyModel | None = None,
    io_in_arena: bool | None = None,
    allow_unsupported: bool = False,
    chosen: Sequence[Kernel] | None = None,
    confidence: float | None = None,
) -> Cost:
    """What `graph`, as it is stored, costs on `target`.

    With `allow_unsupported` the latency of a network with operators nobody runs is that of its other layers, a lower bound;
    without it there is none.

    The latency model is the best known of the target unless one is given. `chosen` names the kernel of every layer where somebody has
    decided already (deploy, which has seen the weights). `confidence` is that of intervals.
    Raises ShapeError for a network whose tensors do not fit together, MeasurementError for a model of another runtime or core.
    """
    chosen = chosen or [kernels.choose(step, target.runtime, target.core) for step in graph.steps]
    in_ram = ram(graph, target, [kernel.scratch_bytes for kernel in chosen], io_in_arena=io_in_arena, stack_bytes=stack_of(chosen, target))
    content = flash_of(graph, target, chosen)
    in_flash = place_flash(graph, content, target)
    model = latency_model if latency_model is not None else latency.choose(target)
    placed = {**in_flash.region_of, **in_ram.region_of}
    found = model if isinstance(model, Absent) else model.predict(graph, target, placed, chosen=chosen, confidence=confidence)
    latency_s, absent = (None, {"latency_s": found.reason}) if isinstance(found, Absent) else _total(found, chosen, allow_unsupported)
    joules = energy.of(latency_s, target)
    if isinstance(joules, Absent):
        absent["energy_j"] = joules.reason
    basis = {"ram_bytes": ARENA, "flash_bytes": IMAGE}
    if isinstance(found, Prediction) and latency_s is not None:
        basis["latency_s"] = found.basis
        if not isinstance(joules, Absent):
            basis["energy_j"] = energy.BASIS
    return Cost(
        latency_s=latency_s,
        ram_bytes=in_ram.total_bytes,
        flash_bytes=content.total_bytes,
        energy_j=None if isinstance(joules, Absent) else joules,
        basis=basis,
        absent=absent,
        nodes=_nodes(graph, chosen, found, in_flash, in_ram),
        ram=in_ram,
        flash=content,
        regions=regions(target, in_ram, in_flash),
        not_counted=(*in_ram.unknown, *content.unknown, *_left_out(graph)),
        unsupported=_unsupported(graph, chosen),
        reference_nodes=tuple(step.node.name for step, kernel in zip(graph.steps, chosen, strict=True) if kernel.is_reference),
        interval=_intervals(found, latency_s, joules),
        remarks=found.remarks if isinstance(found, Prediction) else (),
    )


def placement(graph: Graph, target: Target) -> dict[str, str]:
    """The region of every tensor and every parameter of `graph` on `target`."""
    chosen = [kernels.choose(step, target.runtime, target.core) for step in graph.steps]
    in_flash = place_flash(graph, flash_of(graph, target, chosen), target)
    return {**in_flash.region_of, **ram(graph, target, [kernel.scratch_bytes for kernel in chosen]).region_of}


def _total(found: Prediction, chosen: Sequence[Kernel], allow_unsupported: bool) -> tuple[float | None, dict[str, str]]:
    """The latency, or why there is none; a layer that runs but has no price is never left out of it."""
    total = found.latency_s
    if total is None and allow_unsupported and len(found.unpriced) == sum(not kernel.is_supported for kernel in chosen):
        total = found.known_s
    return (None, {"latency_s": found.reason or "no layer has a price"}) if total is None else (float(total), {})


def _nodes(
    graph: Graph, chosen: Sequence[Kernel], found: Prediction | Absent, in_flash: FlashPlacement, in_ram: Ram
) -> tuple[NodeCost, ...]:
    seconds = (None,) * len(chosen) if isinstance(found, Absent) else found.nodes
    rows = zip(graph.steps, chosen, seconds, in_ram.live_bytes, strict=True)
    return tuple(_node(step, kernel, second, live, in_flash) for step, kernel, second, live in rows)


def _node(step: Step, kernel: Kernel, second: float | None, live: int, in_flash: FlashPlacement) -> NodeCost:
    homes = [in_flash.region_of[name] for role, name in step.node.parameters if role != "bias" and name in in_flash.region_of]
    return NodeCost(
        name=step.node.name,
        op=step.kind,
        kernel=kernel.variant,
        macs=step.work.macs,
        params=step.work.params,
        weight_bytes=step.weight_bytes,
        weight_region=homes[0] if homes else None,
        out_bytes=step.work.out_bytes,
        latency_s=None if second is None else float(second),
        live_bytes=live,
    )


def _left_out(graph: Graph) -> list[str]:
    return [f"node '{node}': operator {op} is not known" for node, op in graph.unknown]


def _unsupported(graph: Graph, chosen: Sequence[Kernel]) -> tuple[tuple[str, str], ...]:
    """Every node that cannot run, with the reason: operators hwcost does not know, and those the runtime has no kernel for."""
    unknown = {node: f"hwcost does not know {op}" for node, op in graph.unknown}
    refused = {step.node.name: kernel.why for step, kernel in zip(graph.steps, chosen, strict=True) if not kernel.is_supported}
    return tuple((refused | unknown).items())


def _intervals(found: Prediction | Absent, latency_s: float | None, joules: float | Absent) -> dict[str, tuple[float, float]]:
    """Latency within the model's own error; energy is power times latency, so its interval is that of latency, scaled."""
    if isinstance(found, Absent) or found.interval_s is None or latency_s is None:
        return {}
    low, high = (float(bound) for bound in found.interval_s)
    bounds = {"latency_s": (low, high)}
    if not isinstance(joules, Absent) and latency_s:
        bounds["energy_j"] = (low / latency_s * joules, high / latency_s * joules)
    return bounds
