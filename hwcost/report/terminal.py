"""The report as a person reads it in a terminal: readable at 80 columns, without colour, and in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hwcost.checking import Report
from hwcost.memory.regions import Region
from hwcost.quantities import human_bytes, human_seconds
from hwcost.report import findings
from hwcost.report.comparison import Row
from hwcost.report.findings import Headroom
from hwcost.report.names import escaped, quoted, shortened

__all__ = ["COLOURS", "compare", "show"]

COLOURS = {"fits": "bold green", "over": "bold red", "too close to call": "bold yellow", "unsupported": "bold red", "error": "bold red"}
BAR_CELLS = 20
MOST_LAYERS = 8
MOST_ALIVE = 8
MOST_LINES = 12


def show(report: Report, hints: Sequence[str], console: Console) -> None:
    """Print one report; `hints` say what would help, where something would."""
    for part in _parts(report, hints, _bar_of(console)):
        console.print(part, highlight=False, markup=False, emoji=False)


def compare(rows: Sequence[Row], console: Console) -> None:
    """Print several reports as one table, by model, and below it what each breaks; why one failed was told as it failed.

    A line is never cut: half a figure reads as another figure.
    """
    lines: list[tuple[str, ...]] = [
        ("", "target", "runtime", "latency", "RAM", "flash", "energy", "verdict" if any(row.verdict for row in rows) else "")
    ]
    lines += [("", shortened(row.target, 24), shortened(row.runtime, 24), *row.figures, row.verdict) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    console.print(_aligned(lines[0], widths, "dim"), soft_wrap=True)
    model = None
    for row, line in zip(rows, lines[1:], strict=True):
        if row.model != model:
            model = row.model
            console.print(Text(shortened(model, console.width), "bold"), no_wrap=True)
        console.print(_aligned(line, widths, COLOURS.get(row.verdict, "")), soft_wrap=True)
    for row in rows:
        if row.reason and row.verdict != "error":
            console.print(Text(f"{shortened(row.model)} on {shortened(row.target)}: {escaped(row.reason)}"))


def _aligned(cells: Sequence[str], widths: Sequence[int], verdict_style: str) -> Text:
    """One line of the comparison: names ranged left, figures right, the verdict in its colour."""
    padded = (" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    texts = [cell + pad if column < 3 else pad + cell for column, (cell, pad) in enumerate(zip(cells[:-1], padded, strict=False))]
    return Text.assemble("  ".join(texts), "  ", (cells[-1], verdict_style))


def _bar_of(console: Console) -> tuple[str, str]:
    """Full and empty cells that the output can carry."""
    return ("█", "░") if console.encoding.startswith("utf") else ("#", ".")


def _parts(report: Report, hints: Sequence[str], cells: tuple[str, str]) -> Iterator[RenderableType]:
    yield Text(f"{shortened(report.model)} on {findings.platform(report)}", "bold")
    yield _verdict(report)
    yield ""
    yield _headroom(findings.headroom(report), cells)
    yield from _section("Memory", _memory(report))
    yield Padding(_alive(report), (0, 0, 0, 9))
    yield from _section("Dearest layers", _layers(report))
    yield from _section("Memories of the target", _regions(report.cost.regions, cells))
    yield from _section("Basis", _grid(findings.basis_lines(report)))
    yield from _section("Slower than it could be", _lines(findings.slow_layers(report)))
    yield from _section("Not counted", _lines(findings.uncounted(report)))
    yield from _section("Notes", _lines(findings.remarks(report)))
    yield from _section("What would help", _lines(hints))


def _verdict(report: Report) -> Text:
    word = (report.verdict or "cost").upper()
    return Text.assemble((word, COLOURS.get(report.verdict or "", "bold")), "  ", escaped(findings.headline(report)))


def _section(title: str, content: Table | None) -> Iterator[RenderableType]:
    """A title and what stands below it; nothing where there is nothing to say."""
    if content is not None and content.row_count:
        yield ""
        yield Text(title, "bold")
        yield Padding(content, (0, 0, 0, 2))


def _table(*columns: str) -> Table:
    """A table without lines; a column whose name begins with `>` is ranged right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(Text(name.lstrip(">")), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    """Labels, and beside them text that wraps."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(escaped(text)))
    return table


def _lines(lines: Sequence[str]) -> Table:
    shown = [("-", line) for line in lines[:MOST_LINES]]
    return _grid([*shown, ("-", f"and {len(lines) - MOST_LINES} more")] if len(lines) > MOST_LINES else shown)


def _headroom(rows: Sequence[Headroom], cells: tuple[str, str]) -> Table:
    table = _table("", ">used", ">limit", "", "", "")
    for row in rows:
        human = row.metric.human
        limit = "-" if row.limit is None else human(row.limit)
        table.add_row(Text(row.metric.label), str(row), limit, *_gauge(row.ratio, cells), _free(row))
    return table


def _gauge(ratio: float | None, cells: tuple[str, str]) -> tuple[Text, Text]:
    """The bar and the percentage of a share."""
    if ratio is None:
        return Text(""), Text("")
    colour = "red" if ratio > 1 else "yellow" if ratio > 0.9 else "green"
    return Text(findings.bar(ratio, BAR_CELLS, *cells), colour), Text(findings.percent(ratio), colour, justify="right")


def _free(row: Headroom) -> str:
    human = row.metric.human
    if row.free is None:
        return "" if row.interval is None else f"{human(row.interval[0])} to {human(row.interval[1])}"
    told = f"{human(abs(row.free))} {'over' if row.free < 0 else 'free'}"
    return told if row.interval is None else f"{told} ({human(row.interval[0])} to {human(row.interval[1])})"


def _memory(report: Report) -> Table:
    rows = [("RAM", _sum(report.cost.ram_bytes, findings.ram_sum(report))), ("", findings.placement(report))]
    rows.append(("flash", _sum(report.cost.flash_bytes, findings.flash_sum(report))))
    node = findings.peak_node(report)
    if node is not None:
        step = f"step {report.cost.ram.peak_step + 1} of {len(report.graph.nodes)}"
        rows.append(("peak", f"at {quoted(node)}, {step}; alive there:"))
    return _grid(rows)


def _sum(total: int, terms: Iterable[tuple[str, int]]) -> str:
    """The arithmetic, to the byte: it must add up in front of the reader."""
    summands = " + ".join(f"{name} {size:,}" for name, size in terms if size)
    return f"{total:,} B = {summands or '0'}"


def _alive(report: Report) -> Table:
    table = _table("tensor", "shape", ">bytes")
    alive = findings.alive_at_peak(report)
    for name, shape, size in alive[:MOST_ALIVE]:
        table.add_row(Text(shortened(name)), shape, f"{size:,}")
    if len(alive) > MOST_ALIVE:
        table.add_row(f"and {len(alive) - MOST_ALIVE} more", "", f"{sum(size for _, _, size in alive[MOST_ALIVE:]):,}")
    return table


def _layers(report: Report) -> Table:
    table = _table("layer", "kernel", ">latency", ">share", ">MACs", ">weights")
    for column in table.columns[1:]:
        column.no_wrap = True
    for node, share in findings.dearest_layers(report, MOST_LAYERS):
        seconds = "-" if node.latency_s is None else human_seconds(node.latency_s)
        part = "-" if share is None else findings.percent(share)
        kernel = node.op if node.kernel == "optimised" else f"{node.op} ({node.kernel})"
        table.add_row(Text(shortened(node.name)), kernel, seconds, part, f"{node.macs:,}", human_bytes(node.weight_bytes))
    return table


def _regions(regions: Sequence[Region], cells: tuple[str, str]) -> Table:
    table = _table("memory", "", ">used", ">reserved", ">size", "", "")
    for region in regions:
        ratio = (region.used_bytes + region.reserved_bytes) / region.limit_bytes if region.limit_bytes else None
        sizes = (human_bytes(size) for size in (region.used_bytes, region.reserved_bytes, region.limit_bytes))
        table.add_row(Text(shortened(region.name, 16)), region.kind, *sizes, *_gauge(ratio, cells))
    return table
