"""What would help a network that does not fit: for each limit the smallest change, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwcost.budget import METRICS
from hwcost.checking import Report, dearest, other_runtimes
from hwcost.cost import Cost
from hwcost.quantities import human_bytes
from hwcost.report.changes import Changes, blocks
from hwcost.report.findings import Breach, breaches, percent
from hwcost.report.names import quoted

__all__ = ["hints"]

MOST_NAMED = 3


def hints(report: Report) -> tuple[str, ...]:
    """Advice, the most specific first; none for a network that fits or that nothing was asked of."""
    if report.verdict == "unsupported":
        return tuple(_on_unsupported(report))
    if report.verdict == "too close to call":
        return ("the model's own error reaches across the limit: measure on the board, or leave more headroom",)
    found = breaches(report) if report.verdict == "over" else ()
    changes = Changes(report)
    told = [line for breach in found for line in _on_breach(breach, changes)]
    return tuple(dict.fromkeys([*told, *(_thinner(changes) if found else ())]))


def _on_unsupported(report: Report) -> Iterator[str]:
    able = [target.runtime.reference for target, cost in other_runtimes(report) if not cost.unsupported]
    if able:
        yield f"every layer runs under {', '.join(able)}: choose it with --runtime"
    kinds = dict.fromkeys(node.op for node in report.cost.nodes if node.kernel == "unsupported")
    if kinds:
        yield f"replace {', '.join(kinds)} by operators that {report.target.runtime.reference} runs"


def _on_breach(breach: Breach, changes: Changes) -> Iterator[str]:
    if breach.metric == "ram_bytes":
        yield from _repacked(breach, changes)
        yield from _reordered(breach, changes)
        yield from _layers_above(breach, changes.report)
        yield from _narrower(breach, changes)
    elif breach.metric == "flash_bytes":
        yield from _heaviest(breach, changes.report)
    else:
        yield from _dearest(breach, changes.report)
        yield from _faster_runtimes(breach, changes.report)


def _repacked(breach: Breach, changes: Changes) -> Iterator[str]:
    """Whether the arena is only badly packed."""
    ram = changes.report.cost.ram
    saved = 0 if ram.arena_bytes <= ram.bound_bytes else ram.arena_bytes - changes.replanned_bytes()
    if saved > 0:
        taken = f"{human_bytes(ram.arena_bytes - saved)} instead of the {human_bytes(ram.arena_bytes)} of {ram.planner}"
        yield f"{breach.label}: the same tensors, planned better, take {taken}; {_outcome(breach.excess - saved)}"


def _reordered(breach: Breach, changes: Changes) -> Iterator[str]:
    """Whether running the layers in another order would do."""
    cost = changes.reordered()
    if cost is not None:
        outcome = _outcome(_used(cost, breach) - breach.limit)
        yield f"{breach.label}: the same layers in another order take {human_bytes(cost.ram_bytes)}; {outcome}"


def _outcome(excess: float) -> str:
    return "that fits" if excess <= 0 else f"that is still {human_bytes(excess)} over"


def _layers_above(breach: Breach, report: Report) -> Iterator[str]:
    """The layers during which too much is alive, and by how much each has to shrink."""
    rows = _needed(breach, report)
    above = sorted(((size, name) for name, size in rows if size > breach.limit), key=lambda row: -row[0])
    if above:
        named = [f"{quoted(name)} by {human_bytes(size - breach.limit)}" for size, name in above]
        yield f"{breach.label}: {len(above)} of {len(rows)} layers need more than the limit while they run: {_some(named)}"
    else:
        yield f"{breach.label}: no layer needs more than {human_bytes(breach.limit)} while it runs; the packing of the arena does"


def _needed(breach: Breach, report: Report) -> list[tuple[str, float]]:
    """For each layer the bytes that have to be there while it runs: its buffers, and what stays for good."""
    placed = [block for block in blocks(report.cost.ram.plan) if breach.region in (None, block.region)]
    tops: dict[str, int] = {}
    for block in placed:
        tops[block.region] = max(tops.get(block.region, 0), block.offset + block.size)
    for_good = breach.used - sum(tops.values())
    alive = (sum(block.size for block in placed if block.start <= step < block.stop) for step in range(len(report.graph.nodes)))
    return [(node.name, for_good + size) for node, size in zip(report.graph.nodes, alive, strict=True)]


def _narrower(breach: Breach, changes: Changes) -> Iterator[str]:
    """The layers alive at the peak whose narrowing by the smallest share is enough."""
    tried = [(group, changes.narrowed(group, lambda cost: _used(cost, breach) <= breach.limit)) for group in changes.groups_at_peak]
    enough = [(width / group.size, width, group) for group, width in tried if width is not None]
    if enough:
        _, width, group = max(enough, key=lambda row: row[0])
        yield f"{breach.label}: it fits with {width} channels instead of {group.size} in {_some([quoted(node) for node in group.nodes])}"


def _heaviest(breach: Breach, report: Report) -> Iterator[str]:
    """The layers that hold the weights."""
    nodes = [node for node in dearest(report.cost, "flash_bytes") if breach.region in (None, node.weight_region)]
    if nodes:
        named = [f"{quoted(node.name)} {human_bytes(node.weight_bytes)}" for node in nodes]
        yield f"{breach.label}: {human_bytes(breach.excess)} have to go; most weights are in {_some(named)}"


def _dearest(breach: Breach, report: Report) -> Iterator[str]:
    """By how much it is too slow, and where the time goes."""
    if report.cost.latency_s:
        named = [
            f"{quoted(node.name)} {percent((node.latency_s or 0.0) / report.cost.latency_s)}" for node in dearest(report.cost, "latency_s")
        ]
        yield f"{breach.label}: {breach.used / breach.limit:.2f} times the limit; the dearest layers are {_some(named)}"


def _faster_runtimes(breach: Breach, report: Report) -> Iterator[str]:
    """The same network under the other runtimes of this core that have figures."""
    human = METRICS[breach.metric].human
    for target, cost in other_runtimes(report, timed=True):
        used = getattr(cost, breach.metric)
        if used is not None and used < breach.used:
            outcome = "within the limit" if used <= breach.limit else "still over"
            stands_in = " (a provisional figure)" if target.latency is not None and target.latency.provisional else ""
            yield f"{breach.label}: under {target.runtime.reference} it is {human(used)}{stands_in}, {outcome}"


def _thinner(changes: Changes) -> Iterator[str]:
    """The largest share of all channels with which every limit is kept."""
    if not changes.free_groups:
        return
    budget = changes.report.budget
    found = changes.thinned(lambda cost: not budget.violations(cost) and not any(region.overflow_bytes for region in cost.regions))
    if found is None:
        yield "fewer channels alone do not make it fit: the input, the number of layers or the target has to change"
        return
    share, cost = found
    figures = ((metric, getattr(cost, field)) for field, metric in METRICS.items())
    told = ", ".join(f"{metric.label} {metric.human(used)}" for metric, used in figures if used is not None)
    yield f"every limit is kept with {share / 100:.2f} times the channels of all layers: {told}"


def _used(cost: Cost, breach: Breach) -> float:
    """What a changed network uses of the memory or metric that was passed."""
    if breach.region is None:
        used: float = getattr(cost, breach.metric)
        return used
    return next(region.used_bytes + region.reserved_bytes for region in cost.regions if region.name == breach.region)


def _some(named: Sequence[str]) -> str:
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return ", ".join(named[:MOST_NAMED]) + more
