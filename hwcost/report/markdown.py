"""The report as a pull request shows it: a verdict and a table, everything else folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hwcost.checking import Report
from hwcost.quantities import human_bytes, human_seconds
from hwcost.report import findings
from hwcost.report.comparison import Row
from hwcost.report.findings import Headroom
from hwcost.report.names import code, prose

__all__ = ["as_text", "compared"]

SIGNS = {
    "fits": "✅ fits",
    "over": "❌ over",
    "too close to call": "⚠️ too close to call",
    "unsupported": "❌ unsupported",
    "error": "❌ error",
}
BAR_CELLS = 10
MOST_LAYERS = 10
MOST_ALIVE = 12
MOST_LINES = 25


def as_text(report: Report, hints: Sequence[str]) -> str:
    """One report."""
    return "\n".join(_report(report, hints)) + "\n"


def compared(rows: Sequence[Row], reports: Sequence[tuple[Report, Sequence[str]]]) -> str:
    """Several reports as one table, each report folded below it."""
    figures = ("latency", "RAM", "flash", "energy")
    head = _table(("model", "target", "runtime", *figures, "verdict"), [_compared_row(row) for row in rows], right=range(3, 7))
    reasons = [f"- {' on '.join(_names(row))}: {prose(row.reason)}" for row in rows if row.reason]
    details = [_folded(_summary(report), "\n".join(_report(report, hints))) for report, hints in reports]
    return "\n\n".join(["## hwcost", head, *(["\n".join(reasons)] if reasons else []), *details]) + "\n"


def _summary(report: Report) -> str:
    """Model, target and verdict for a summary line, which is HTML: Markdown is not read there."""
    return f"{prose(report.model)} on {prose(report.target.name)}: {report.verdict or 'cost'}"


def _compared_row(row: Row) -> tuple[str, ...]:
    model, *target = _names(row)
    return (model, "".join(target), prose(row.runtime), *row.figures, SIGNS.get(row.verdict, ""))


def _names(row: Row) -> list[str]:
    """The model, and the target if it was about one."""
    return [code(name) for name in (row.model, row.target) if name]


def _report(report: Report, hints: Sequence[str]) -> Iterator[str]:
    sign = SIGNS.get(report.verdict or "", "cost")
    yield f"### {sign}: {code(report.model)} on {code(report.target.name)}\n"
    yield f"{prose(findings.headline(report))}\n"
    yield _table(("", "used", "limit", "", "basis"), _metrics(report), right=(1, 2, 3)) + "\n"
    yield prose(findings.platform(report)) + "\n"
    if hints:
        yield "**What would help**\n"
        yield _list(hints) + "\n"
    yield _folded("Memory", _memory(report)) + "\n"
    yield _folded("Dearest layers", _layers(report)) + "\n"
    for title, lines in _remarks(report):
        if lines:
            yield _folded(title, _list(lines)) + "\n"


def _remarks(report: Report) -> Iterator[tuple[str, Sequence[str]]]:
    yield "Slower than it could be", findings.slow_layers(report)
    yield "Not counted", findings.uncounted(report)
    yield "Notes", findings.remarks(report)


def _metrics(report: Report) -> Iterator[tuple[str, ...]]:
    basis = dict(findings.basis_lines(report))
    for row in findings.headroom(report):
        limit = "" if row.limit is None else row.metric.human(row.limit)
        yield row.metric.label, prose(str(row)), limit, _share(row), prose(basis[row.metric.label])


def _share(row: Headroom) -> str:
    if row.ratio is None:
        return ""
    share = findings.percent(row.ratio)
    return f"`{findings.bar(row.ratio, BAR_CELLS)}` {f'**{share}**' if row.ratio > 1 else share}"


def _memory(report: Report) -> str:
    ram = _sum("RAM", report.cost.ram_bytes, findings.ram_sum(report))
    flash = _sum("flash", report.cost.flash_bytes, findings.flash_sum(report))
    sums = "\n".join((f"- {ram}", f"- {flash}", f"- {prose(findings.placement(report))}"))
    rows = [
        (code(region.name), region.kind, *map(human_bytes, (region.used_bytes, region.reserved_bytes, region.limit_bytes)))
        for region in report.cost.regions
    ]
    regions = _table(("memory", "", "used", "reserved", "size"), rows, right=(2, 3, 4))
    return "\n\n".join([sums, _alive(report), regions])


def _sum(label: str, total: int, terms: Iterable[tuple[str, int]]) -> str:
    return f"{label} {total:,} B = {' + '.join(f'{name} {size:,}' for name, size in terms if size) or '0'}"


def _alive(report: Report) -> str:
    node = findings.peak_node(report)
    if node is None:
        return ""
    rows = [(code(name), shape, f"{size:,}") for name, shape, size in findings.alive_at_peak(report)[:MOST_ALIVE]]
    return f"Most is alive at {code(node)}:\n\n" + _table(("tensor", "shape", "bytes"), rows, right=(2,))


def _layers(report: Report) -> str:
    rows = []
    for node, share in findings.dearest_layers(report, MOST_LAYERS):
        seconds = "" if node.latency_s is None else human_seconds(node.latency_s)
        kernel = f"{node.op}, {node.kernel}"
        rows.append(
            (
                code(node.name),
                kernel,
                seconds,
                "" if share is None else findings.percent(share),
                f"{node.macs:,}",
                human_bytes(node.weight_bytes),
            )
        )
    return _table(("layer", "kernel", "latency", "share", "MACs", "weights"), rows, right=(2, 3, 4, 5))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int]) -> str:
    """A table of cells that are Markdown already; columns in `right` are ranged right."""
    ranged = set(right)
    rule = ["---:" if column in ranged else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _list(lines: Sequence[str]) -> str:
    more = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "\n".join([f"- {prose(line)}" for line in lines[:MOST_LINES]] + more)


def _folded(title: str, content: str) -> str:
    """Blank lines around the content, without which Markdown inside HTML is not read."""
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"
