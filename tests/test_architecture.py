"""The house, as its import statements tell it. The tables below are the rules; docs/architecture.md is the same in words."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import hwcost

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "hwcost"

ROOMS: dict[str, tuple[str, ...]] = {
    "errors": (),
    "shipped": (),
    "quantities": ("errors",),
    "toml_files": ("errors",),
    "slopes": (),
    "sizes": ("errors", "slopes"),
    "tensor": ("quantities", "sizes"),
    "ops": ("tensor",),
    "graph": ("ops",),
    "channels": ("graph",),
    "passes": ("graph",),
    "frontends": ("passes",),
    "target": ("graph", "shipped", "toml_files"),
    "records": ("target",),
    "kernels": ("records",),
    "latency": ("kernels",),
    "energy": ("latency",),
    "memory": ("kernels",),
    "cost": ("energy", "memory", "passes"),
    "columns": ("channels", "latency"),
    "firmware_columns": ("columns",),
    "compiled": ("cost", "firmware_columns"),
    "budget": ("cost",),
    "checking": ("budget", "frontends"),
    "boards": ("target",),
    "deploy": ("checking",),
    "verify": ("boards", "deploy"),
    "measure": ("verify",),
    "fit": ("measure",),
    "tasks": ("checking",),
    "nas": ("compiled", "tasks"),
    "report": ("fit", "nas"),
    "cli": ("report",),
}
"""Each room and the rooms right below it. A room may import whatever is below it, however far."""

TYPES_ONLY = {("errors", "budget")}
"""Imports against the order, for annotations alone: BudgetError says what its violations are."""

PACKAGE_READERS = {"report", "cli"}
"""Rooms above all others may ask the package for its version."""

ANYWHERE = {"numpy"}
LIBRARIES: dict[str, set[str]] = {
    "PIL": {"tasks"},
    "capstone": {"boards", "verify"},
    "dask": {"measure"},
    "elftools": {"boards", "deploy", "verify"},
    "jinja2": {"deploy", "report"},
    "joblib": {"measure", "fit"},
    "matplotlib": {"report"},
    "onnx": {"frontends", "deploy", "measure"},
    "onnxruntime": {"deploy", "verify", "measure"},
    "ortools": {"memory"},
    "pandas": {"measure", "fit"},
    "pydantic": {"target", "records", "latency"},
    "rich": {"report", "cli"},
    "scipy": {"fit", "tasks"},
    "serial": {"boards", "measure"},
    "sklearn": {"fit", "tasks"},
    "torch": {"frontends.from_torch", "nas", "tasks"},
    "typer": {"cli"},
    "unicorn": {"boards"},
    "ziglang": {"deploy"},
}
"""Where a third-party library may be imported: a room, or one file or folder of it."""

REGISTRARS = {"onnx_reader", "torch_reader"}
"""Decorators whose arguments say what the function is for, in place of a docstring."""

VAGUE = {"common", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


class Import(NamedTuple):
    """One import statement: the module it names, the line, and whether only a type checker runs it."""

    module: str
    line: int
    types_only: bool


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name below hwcost: `ops.conv`, `target` for target/__init__.py, and nothing for hwcost/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module) -> Iterator[Import]:
    types_only = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test)
        for statement in outer.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" if node.module == "hwcost" else str(node.module) for alias in node.names]
            if node.level:
                names = [f"<relative>.{name}" for name in names]
        else:
            continue
        yield from (Import(name, node.lineno, node in types_only) for name in names)


def below(room: str) -> set[str]:
    return {room}.union(*(below(lower) for lower in ROOMS[room]))


def within(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def import_faults(module: str, tree: ast.Module) -> Iterator[str]:
    """What the imports of one module do that the tables do not allow."""
    room = module.partition(".")[0]
    for imported in imports(tree):
        library, _, inner = imported.module.partition(".")
        where = f"{module}:{imported.line} imports {imported.module}"
        if library == "hwcost":
            other = inner.partition(".")[0]
            allowed = other in below(room) or (imported.types_only and (room, other) in TYPES_ONLY)
            allowed |= other in ("", "__version__") and room in PACKAGE_READERS
            if not allowed:
                yield f"{where}: {other or 'the package itself'} is not below {room}"
        elif library == "<relative>":
            yield f"{where}: imports here are absolute"
        elif library in LIBRARIES:
            if not imported.types_only and not any(within(module, place) for place in LIBRARIES[library]):
                yield f"{where}: {library} belongs in {', '.join(sorted(LIBRARIES[library]))}"
        elif library not in sys.stdlib_module_names | ANYWHERE:
            yield f"{where}: no room is listed for {library}"


def size_faults(name: str, text: str, tree: ast.Module) -> Iterator[str]:
    lines = text.count("\n")
    if lines > LONGEST_FILE:
        yield f"{name}: {lines} lines, at most {LONGEST_FILE}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= LONGEST_FUNCTION:
            yield f"{name}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines, at most {LONGEST_FUNCTION}"


def docstring_faults(name: str, tree: ast.Module) -> Iterator[str]:
    if tree.body and not ast.get_docstring(tree):
        yield f"{name}: no docstring"
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public and not ast.get_docstring(node) and not any(is_registrar(decorator) for decorator in node.decorator_list):
            yield f"{name}:{node.lineno}: {node.name} has no docstring"


def is_registrar(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in REGISTRARS


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_every_room_is_in_the_table():
    found = {module_of(path).partition(".")[0] for path in sources("hwcost")} - {""}
    assert sorted(found - ROOMS.keys()) == []


def test_imports_point_one_way():
    # hwcost/__init__.py names every room, for type checkers and on first use; it is above them all.
    modules = {module_of(path): path for path in sources("hwcost") if module_of(path).partition(".")[0] in ROOMS}
    faults = [fault for module, path in modules.items() for fault in import_faults(module, parsed(path))]
    assert faults == []


def test_files_and_functions_stay_short():
    paths = sources("hwcost", "tests", "tools", "examples")
    faults = [fault for path in paths for fault in size_faults(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), parsed(path))]
    assert faults == []


def test_what_is_public_says_what_it_is():
    paths = sources("hwcost")
    assert [fault for path in paths for fault in docstring_faults(str(path.relative_to(ROOT)), parsed(path))] == []


def test_names_say_something():
    parts = {part.lower() for path in sources("hwcost") for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert sorted(parts & VAGUE) == []


def test_no_module_has_the_name_of_a_public_name():
    # Importing hwcost.check, the module, would put it in the place of hwcost.check, the function.
    modules = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in sources("hwcost")}
    assert sorted(modules & set(hwcost.__all__)) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("ops.conv", "from hwcost.graph import Graph", "graph is not below ops"),
        ("ops.conv", "from hwcost import graph", "graph is not below ops"),
        ("ops.conv", "import hwcost", "the package itself is not below ops"),
        ("ops.conv", "def f():\n    import torch", "torch belongs in frontends.from_torch, nas, tasks"),
        ("frontends.from_onnx", "import torch", "torch belongs in"),
        ("ops.conv", "from . import base", "absolute"),
        ("ops.conv", "import requests", "no room is listed for requests"),
        ("errors", "from hwcost.budget import Violation", "budget is not below errors"),
        ("boards.emulated", "from hwcost.deploy import build", "deploy is not below boards"),
        ("nas", "from hwcost.deploy import build", "deploy is not below nas"),
    ],
)
def test_the_import_rules_can_fail(module, source, fault):
    (found,) = import_faults(module, ast.parse(source))
    assert fault in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("graph", "import json\nimport numpy as np\nfrom hwcost.ops.conv import Conv2d\nfrom hwcost import sizes"),
        ("frontends.from_torch", "import torch"),
        ("errors", "if TYPE_CHECKING:\n    from hwcost.budget import Violation"),
        ("report.json", "import hwcost\nfrom hwcost import __version__"),
        ("memory.exact", "from ortools.sat.python import cp_model"),
    ],
)
def test_the_import_rules_can_pass(module, source):
    assert list(import_faults(module, ast.parse(source))) == []


def test_the_size_and_docstring_rules_can_fail():
    body = "def long():\n" + "    pass\n" * LONGEST_FUNCTION + "\n" * LONGEST_FILE
    assert len(list(size_faults("x.py", body, ast.parse(body)))) == 2
    assert len(list(docstring_faults("x.py", ast.parse(body + "class Public: ...\nclass _Private: ...\n")))) == 3
    registered = '"""Doc."""\n@torch_reader("aten.add")\ndef read(call): ...\n@cache\ndef read_more(call): ...\n'
    assert list(docstring_faults("x.py", ast.parse(registered))) == ["x.py:5: read_more has no docstring"]
