"""`hwcost targets`: what is described, each number with its source, and whether a file of one's own is right."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hwcost.cli.output import emit, talk
from hwcost.errors import TargetError
from hwcost.quantities import format_bytes, format_hertz
from hwcost.target import Condition, Memory, Runtime, Target, Term
from hwcost.target.catalogue import Entry, catalogue, described, priced_on, validate_file
from hwcost.target.citations import Citation, citations
from hwcost.target.read import dump

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Described devices, boards and runtimes, with sources."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_targets(as_json: AsJson = False) -> int:
    """Print every described device with its boards, those of HWCOST_TARGETS included."""
    entries, faults = catalogue()
    for fault in faults:
        talk(f"hwcost: left out: {fault}")
    emit(_json([_row(entry) for entry in entries]) if as_json else _table_of(entries))
    return 2 if faults else 0


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A device, a board or a runtime, or the path of a .toml file.")],
    runtime: Annotated[str | None, typer.Option("--runtime", metavar="NAME[@VERSION]", help="Instead of the device's default.")] = None,
    as_json: AsJson = False,
) -> int:
    """Print all that is described of one target, each number with its source."""
    found = described(name, runtime)
    if isinstance(found, Runtime):
        emit(_json({"runtime": dump(found)}) if as_json else _runtime_text(found))
    else:
        emit(_json(_target_json(found)) if as_json else _target_text(found))
    return 0


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="A device, board, core, runtime or latency file.")],
    as_json: AsJson = False,
) -> int:
    """Check a file of one's own: keys, values and sources, and the names it uses."""
    try:
        noun = validate_file(file)
    except TargetError as error:
        if not as_json:
            raise
        emit(_json({"file": str(file), "valid": False, "faults": str(error)}))
        return error.exit_code
    numbers = list(citations(noun))
    open_ones = [number.key for number in numbers if not number.confirmed]
    kind = type(noun).__name__.lower()
    if as_json:
        emit(_json({"file": str(file), "valid": True, "kind": kind, "numbers": len(numbers), "unconfirmed": open_ones}))
    else:
        emit(f"{file}: a valid {kind} with {len(numbers)} numbers, {len(open_ones)} of them unconfirmed\n")
    return 0


def _json(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _row(entry: Entry) -> dict[str, Any]:
    device = entry.device
    return {
        "name": device.name,
        "title": device.title,
        "core": entry.core.name,
        "clock_hz": device.clock_hz.value,
        "ram_bytes": _total(device.memories, "ram"),
        "flash_bytes": _total(device.memories, "flash"),
        "default_runtime": device.default_runtime,
        "boards": list(entry.boards),
    }


def _total(memories: Iterable[Memory], kind: str) -> int:
    return sum(memory.size_bytes.value for memory in memories if memory.kind == kind)


def _table_of(entries: Sequence[Entry]) -> str:
    rows = [_row(entry) for entry in entries]
    external = {entry.device.name for entry in entries if any(m.kind == "flash" and m.external for m in entry.device.memories)}
    lines = [
        (
            row["name"],
            row["core"],
            format_hertz(row["clock_hz"]),
            format_bytes(row["ram_bytes"]),
            format_bytes(row["flash_bytes"]) + ("*" if row["name"] in external else ""),
            row["default_runtime"],
            " ".join(row["boards"]),
        )
        for row in rows
    ]
    note = "* outside the chip: the board decides how much is there\n" if external else ""
    return _table(("device", "core", "clock", "RAM", "flash", "default runtime", "boards"), lines) + note


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their words, whatever the terminal: the text may go to a file."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, no_wrap=True, justify="right" if title in {"clock", "RAM", "flash", "value"} else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    text = io.StringIO()
    Console(file=text, width=1000, color_system=None, emoji=False, highlight=False).print(table)
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())


def _target_json(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "board": dump(target.board) if target.board else None,
        "device": dump(target.device),
        "core": dump(target.core),
        "runtime": dump(target.runtime),
        "ram_bytes": target.ram_bytes,
        "flash_bytes": target.flash_bytes,
        "reserved_bytes": dict(target.reserved),
        "runtimes_with_latency": list(priced_on(target.core.name)),
    }


def _target_text(target: Target) -> str:
    device, core = target.device, target.core
    head = [
        f"{target.name}: {target.board.title if target.board else device.title} ({device.vendor})",
        f"core     {core.title}; {core.multiply}",
        f"memory   {format_bytes(target.ram_bytes)} RAM, {format_bytes(target.flash_bytes)} flash",
        f"runtime  {target.runtime.reference}, {target.runtime.title}",
        f"latency  {', '.join(priced_on(core.name)) or 'no runtime has figures on this core'}",
    ]
    head += [f"unused   {accelerator}" for accelerator in device.accelerators]
    head += [f"note     {note}" for note in (target.board and target.board.notes, device.notes) if note]
    clock = target.board if target.board and target.board.clock_hz else device
    numbers = [number for noun in (clock, device, core) for number in citations(noun) if not number.key.startswith("memories")]
    unique = {number.key: number for number in reversed(numbers)}
    memories = _numbers("memory", list(citations(target.memories)))
    return "\n".join(["\n".join(head) + "\n", memories, _numbers("device", [*reversed(unique.values())]), _runtime_text(target.runtime)])


def _runtime_text(runtime: Runtime) -> str:
    lines = [f"runtime  {runtime.reference}: {runtime.title}", f"cores    {', '.join(runtime.cores)}"]
    lines += [f"note     {note}" for note in (runtime.notes, _standing(runtime)) if note]
    lines += [f"source   {source}" for source in runtime.sources]
    inside = ("kernels[", "scratch[", "latency.")
    numbers = [number for number in citations(runtime) if not number.key.startswith(inside)]
    prices = [number for number in citations(runtime) if number.key.startswith("latency.")]
    tables = [_kernels_table(runtime), _scratch_table(runtime), _numbers("RAM and flash", numbers), _numbers("latency", prices)]
    return "\n".join(["\n".join(lines) + "\n", *(table for table in tables if table)])


def _kernels_table(runtime: Runtime) -> str:
    rows = [(rule.kernel, _when(rule.when), " ".join(rule.kinds), _sourced(rule.source, rule.confirmed)) for rule in runtime.kernels]
    return _table(("kernel", "when", "operators", "source"), rows) if rows else ""


def _scratch_table(runtime: Runtime) -> str:
    rows = [(_sum(rule.terms), _when(rule.when), " ".join(rule.kinds), _sourced(rule.source, rule.confirmed)) for rule in runtime.scratch]
    return _table(("scratch bytes", "when", "operators", "source"), rows) if rows else ""


def _when(condition: Condition) -> str:
    """The keys a condition has, as they stand in the file."""
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in dump(condition).items()) or "always"


def _sum(terms: Sequence[Term]) -> str:
    """Terms as the sum they stand for."""
    texts = [
        " x ".join([f"{term.bytes:g}", *term.of]) + (f" (up to a multiple of {term.multiple_of})" if term.multiple_of > 1 else "")
        for term in terms
    ]
    return " + ".join(texts) or "0"


def _sourced(source: str, confirmed: bool) -> str:
    return source if confirmed else f"{source} (unconfirmed)"


def _standing(runtime: Runtime) -> str | None:
    if runtime.data_only:
        return "a source of published data only: networks cannot be checked against it"
    return "provisional: priced before it exists" if runtime.provisional else None


def _numbers(title: str, numbers: Sequence[Citation]) -> str:
    rows = [(number.key, f"{number.value:,}", _sourced(number.source or "", number.confirmed)) for number in numbers]
    return _table((title, "value", "source"), rows) if rows else ""
