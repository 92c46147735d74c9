"""RAM of a network on a target: the placed arena, region by region, and what the runtime and the stack take beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hwcost.graph import Graph
from hwcost.kernels import Kernel
from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.greedy import planned
from hwcost.memory.lifetime import Lifetimes, Span, lifetimes
from hwcost.memory.placement import greedy_by_size, place, tflm_greedy
from hwcost.memory.records import record_bytes
from hwcost.sizes import Size
from hwcost.target import Memory, RamModel, Runtime, Target

FILLING_ROUNDS = 8
"""Plans tried to fill one region of several."""


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """Where one tensor (or scratch buffer) lies: bytes `offset` to `offset + size` of `region`, during steps `start` to `stop`."""

    tensor: str
    region: str
    offset: int
    size: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Ram:
    """RAM in bytes by what it holds.

    `arena_bytes` is what is placed, scratch included, over all regions; `live_peak_bytes` counts activations alone, inputs and
    outputs included, and `live_bytes` is the same for each step; `scratch_bytes` is the most any layer asks for; `io_bytes` are inputs
    and outputs kept outside the arena. `runtime_bytes` holds the runtime's static data and what it keeps in the arena for good.
    `unknown` is what has no figure.
    """

    arena_bytes: int
    live_peak_bytes: int
    scratch_bytes: int
    io_bytes: int
    runtime_bytes: int
    stack_bytes: int
    reserved_bytes: int
    live_bytes: tuple[int, ...]
    peak_step: int
    live_tensors: tuple[str, ...]
    plan: tuple[PlacedTensor, ...]
    by_region: Mapping[str, int]
    planner: str
    bound_bytes: int
    optimal: bool
    unknown: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Everything: what is compared with a limit on RAM."""
        return self.arena_bytes + self.io_bytes + self.runtime_bytes + self.stack_bytes + self.reserved_bytes

    @property
    def region_of(self) -> Mapping[str, str]:
        """Region of each placed tensor."""
        return {placed.tensor: placed.region for placed in self.plan}


def ram(
    graph: Graph, target: Target, scratch: Sequence[int | None], *, io_in_arena: bool | None = None, stack_bytes: int | None = None
) -> Ram:
    """RAM that `graph` takes on `target`; `scratch` holds each step's working memory in bytes, None where nobody knows it.

    `stack_bytes` is the stack of its kernels, where it depends on which they are. `io_in_arena` overrides whether the
    network's inputs and outputs share the arena (else the application holds them).
    """
    model = target.runtime.ram
    in_arena = io_in_arena if io_in_arena is not None else model is None or model.io_in_arena
    spans = lifetimes(graph, () if model is None else model.in_place)
    rows = spans.live_bytes(graph.values)
    peak_step = max(range(len(rows)), key=rows.__getitem__) if rows else 0
    buffers = _buffers(graph, spans, scratch, model, in_arena)
    persistent, static = _runtime_bytes(graph, target.runtime)
    plans = _place(buffers, model, target.ram_regions, persistent)
    placed = tuple(item for region, plan in plans.items() for item in _placed_tensors(region, plan, buffers, spans))
    stack = stated_stack(target) if stack_bytes is None else stack_bytes
    outside = 0 if in_arena else sum(size for span, size in zip(spans.spans, spans.sizes(graph.values), strict=True) if span.is_io)
    return Ram(
        arena_bytes=sum(plan.height_bytes for plan in plans.values()),
        live_peak_bytes=max(rows, default=0),
        scratch_bytes=max((size or 0 for size in scratch), default=0),
        io_bytes=outside,
        runtime_bytes=persistent + static,
        stack_bytes=stack,
        reserved_bytes=_reserved_bytes(target),
        live_bytes=rows if graph.steps else (),
        peak_step=peak_step,
        live_tensors=tuple(span.name for span in spans.live(peak_step)),
        plan=placed,
        by_region=_use(plans, persistent, (static, stack, outside), target.ram_regions),
        planner=" + ".join(dict.fromkeys(plan.method for plan in plans.values())),
        bound_bytes=sum(plan.lower_bound_bytes for plan in plans.values()),
        optimal=len(plans) == 1 and all(plan.optimal for plan in plans.values()),
        unknown=(*_unstated(target), *_unknown_scratch(graph, scratch, target.runtime)),
    )


def arena_buffers(graph: Graph, target: Target, scratch: Sequence[int | None]) -> list[Buffer]:
    """What the planner of a target's runtime is given for `graph`: tensors and working memory, inputs and outputs included."""
    model = target.runtime.ram
    return _buffers(graph, lifetimes(graph, () if model is None else model.in_place), scratch, model, in_arena=True)


def _buffers(graph: Graph, spans: Lifetimes, scratch: Sequence[int | None], model: RamModel | None, in_arena: bool) -> list[Buffer]:
    """What the planner has to place: every block of tensors, and the working memory of each step."""
    alignment = 1 if model is None else model.alignment_bytes.value
    sizes = spans.sizes(graph.values)
    tensors = [
        Buffer(span.name, size, span.start, span.stop, alignment)
        for span, size in zip(spans.spans, sizes, strict=True)
        if size and (in_arena or not span.is_io)
    ]
    steps = enumerate(zip(graph.steps, scratch, strict=True))
    working = [Buffer(f"{step.node.name} (scratch)", size, index, index + 1, alignment) for index, (step, size) in steps if size]
    return tensors + working


def _plan(buffers: Sequence[Buffer], model: RamModel | None) -> Plan:
    if model is not None and model.planner == "tflm-greedy":
        return tflm_greedy(buffers, tie=model.tie)
    if model is not None and model.planner == "greedy-by-size":
        return greedy_by_size(buffers)
    return place(buffers)


def _place(buffers: Sequence[Buffer], model: RamModel | None, regions: Sequence[Memory], persistent: int) -> dict[str, Plan]:
    """One plan per region used: all in the first region that holds them, or spread where the runtime can and must.

    What the runtime keeps for good, `persistent` bytes, stands in the first region used.
    """
    whole = _plan(buffers, model)
    fitting = next((memory for memory in regions if whole.height_bytes + persistent <= free_bytes(memory)), None)
    if fitting is not None:
        return {fitting.name: whole}
    if model is None or model.arena_regions == "one" or len(regions) == 1:
        return {max(regions, key=free_bytes).name: whole}
    return _spread(buffers, model, regions, persistent)


def _spread(buffers: Sequence[Buffer], model: RamModel, regions: Sequence[Memory], persistent: int) -> dict[str, Plan]:
    """Regions filled in the order tensors prefer them; what does not fit moves on, the last region takes the rest."""
    plans: dict[str, Plan] = {}
    rest = list(buffers)
    for memory in regions[:-1]:
        plan, rest = _fill(rest, model, free_bytes(memory) - (0 if plans else persistent))
        if plan.offsets:
            plans[memory.name] = plan
    if rest:
        plans[regions[-1].name] = _plan(rest, model)
    return plans


def _fill(buffers: Sequence[Buffer], model: RamModel, capacity: int) -> tuple[Plan, list[Buffer]]:
    """A plan of the buffers that stay within `capacity`, and those that leave: of what lies too high, the largest goes first.

    In the last of FILLING_ROUNDS all that lies too high goes, so that a network far too large is not planned once per buffer.
    """
    kept, spilled = list(buffers), list[Buffer]()
    for rounds_left in reversed(range(FILLING_ROUNDS)):
        plan = greedy_by_size(kept)
        over = {b.name: b for b in kept if plan.offsets[b.name] + b.size_bytes > capacity}
        if not over:
            break
        leaving = [max(over.values(), key=lambda buffer: buffer.size_bytes)] if rounds_left else list(over.values())
        spilled += leaving
        gone = {buffer.name for buffer in leaving}
        kept = [buffer for buffer in kept if buffer.name not in gone]
    own = _plan(kept, model)
    simple = planned({buffer.name: plan.offsets[buffer.name] for buffer in kept}, kept, plan.method)
    return own if own.height_bytes <= capacity else simple, spilled


def free_bytes(memory: Memory) -> int:
    """What a region has left once its reserved bytes are taken."""
    return memory.size_bytes.value - memory.reserved_bytes.value


def _placed_tensors(region: str, plan: Plan, buffers: Sequence[Buffer], spans: Lifetimes) -> list[PlacedTensor]:
    """Placements in execution order; tensors that share a block are listed each, at the block's place."""
    held: dict[str, Span] = {span.name: span for span in spans.spans}
    placed = []
    for buffer in buffers:
        if buffer.name in plan.offsets:
            item = PlacedTensor(buffer.name, region, plan.offsets[buffer.name], buffer.size_bytes, buffer.start, buffer.stop)
            names = held[buffer.name].tensors if buffer.name in held else (buffer.name,)
            placed += [replace(item, tensor=name) for name in names]
    return placed


def fixed_bytes(graph: Graph, target: Target) -> Size:
    """RAM that is taken whatever the plan: the runtime, the stack, reserved bytes; linear in the widths of the network."""
    return sum(_runtime_bytes(graph, target.runtime)) + stated_stack(target) + _reserved_bytes(target)


def _runtime_bytes(graph: Graph, runtime: Runtime) -> tuple[Size, int]:
    """What the runtime keeps in the arena for good, and its static data."""
    model = runtime.ram
    if model is None:
        return 0, 0
    pointer_bytes = 4 if runtime.pointer_bytes is None else runtime.pointer_bytes.value
    return record_bytes(model.persistent, graph, pointer_bytes), 0 if model.runtime_bytes is None else model.runtime_bytes.value


def stated_stack(target: Target) -> int:
    """Stack that is the same whatever the network: of a runtime we generate, where it depends on the kernels, none."""
    model = target.runtime.ram
    return 0 if model is None or model.stack_bytes is None else model.stack_bytes.value


def stack_of(chosen: Sequence[Kernel], target: Target) -> int:
    """Stack of a network run by these kernels: what is stated for the runtime, else the deepest of those that are linked."""
    table = target.runtime.functions.get(target.core.name)
    if stated_stack(target) or table is None:
        return stated_stack(target)
    return table.stack_of([kernel.needs.functions[0] for kernel in chosen if kernel.needs is not None])


def _reserved_bytes(target: Target) -> int:
    return sum(memory.reserved_bytes.value for memory in target.ram_regions)


def _unstated(target: Target) -> list[str]:
    """RAM that nobody has a figure for."""
    runtime = target.runtime
    model = runtime.ram
    if model is None:
        return [f"RAM of {runtime.reference} besides the arena: no figure"]
    static = [f"static RAM of {runtime.reference}: no figure"] if model.runtime_bytes is None else []
    is_known = model.stack_bytes is not None or target.core.name in runtime.functions
    return static + ([] if is_known else [f"stack under {runtime.reference}: no figure"])


def _unknown_scratch(graph: Graph, scratch: Sequence[int | None], runtime: Runtime) -> list[str]:
    kinds = dict.fromkeys(step.kind for step, size in zip(graph.steps, scratch, strict=True) if size is None)
    return [f"scratch of {kind} under {runtime.reference}: no figure" for kind in kinds]


def _use(plans: Mapping[str, Plan], persistent: int, others: Sequence[int], regions: Sequence[Memory]) -> dict[str, int]:
    """Bytes used in each region, reserved ones not counted: the arena with what the runtime keeps in it, the rest where there is room."""
    used = {memory.name: plans[memory.name].height_bytes if memory.name in plans else 0 for memory in regions}
    home = next(iter(plans), regions[0].name)
    used[home] += persistent
    for size in others:
        roomy = next((memory for memory in regions if used[memory.name] + size <= free_bytes(memory)), regions[0])
        used[roomy.name] += size
    return used
