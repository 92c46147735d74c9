"""The C project: every file of it as text, from a program and the plan of its memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from hwcost.deploy.emission import Unit
from hwcost.deploy.emit.addresses import Addresses, c_type
from hwcost.deploy.emit.c_text import comment, declaration, definition, prototype, string
from hwcost.deploy.emit.calls import Call, calls
from hwcost.deploy.emit.folder import write_folder
from hwcost.deploy.emit.kernel_files import SERIAL, board_files, kernel_files
from hwcost.deploy.program import Program, Tensor
from hwcost.errors import BuildError
from hwcost.memory.ram import PlacedTensor
from hwcost.target import Target

TEMPLATES = Path(__file__).parents[1] / "templates"


@dataclass(frozen=True, slots=True)
class Project:
    """A C project on disk. `sources` are what a build compiles, headers lie in `folder`; the files of board/ are not among them.

    `model_hash` is a hash of the sources, by which a board says what it was flashed with.
    """

    folder: Path
    sources: tuple[Path, ...]
    calls: tuple[Call, ...]
    arena_bytes: int
    addresses: Addresses
    model_hash: str

    @property
    def serial_sources(self) -> tuple[Path, ...]:
        """What answers over a serial line, without the hooks of a board; all is then compiled with MODEL_PROFILE defined."""
        return tuple(sorted((self.folder / SERIAL).glob("*.c")))


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the network, as the header tells it."""

    word: str
    tensor: Tensor
    address: str | None

    @property
    def macro(self) -> str:
        """Prefix of its macros: MODEL_INPUT."""
        return f"MODEL_{self.word.upper()}"

    @property
    def c_type(self) -> str:
        """Of its elements."""
        return c_type(self.tensor)

    @property
    def layout(self) -> str:
        """Its axes in words."""
        names = {1: ("features",), 2: ("steps", "channels"), 3: ("height", "width", "channels")}.get(len(self.tensor.shape), ())
        pairs = [f"{name} {size}" for name, size in zip(names, self.tensor.shape, strict=True)] if names else map(str, self.tensor.shape)
        return ", ".join(pairs) or "one number"

    @property
    def label(self) -> str:
        """Its name in the network."""
        return comment(self.tensor.name)

    @property
    def scale(self) -> str:
        """As a C float, to the last bit, or readable."""
        return f"{self.tensor.scale!r}f" if "." in repr(self.tensor.scale) or "e" in repr(self.tensor.scale) else f"{self.tensor.scale}.0f"


def emit(
    program: Program,
    target: Target,
    plan: Sequence[PlacedTensor],
    variants: Sequence[str] | None,
    out_dir: Path,
    *,
    force: bool = False,
    beside: Mapping[str, bytes] | None = None,
) -> Project:
    """Write the C project of a program: calls in order, tensors where the plan has them, constants, kernels, how to build it.

    `variants` names the kernel of each node (None: portable); `beside` are other files to put into the folder. The same arguments give
    the same bytes. Raises InputError where `out_dir` holds files that are not ours, GraphError for layers without a kernel, BuildError
    where the plan lacks a tensor.
    """
    made = calls(program, variants)
    addresses = Addresses.of(plan, dict(_words(program)))
    files, sources, model_hash = _files(program, target, made, addresses)
    write_folder(out_dir, {**files, **(beside or {})}, force=force)
    arena = sum(arena.bytes for arena in addresses.arenas)
    return Project(out_dir, tuple(out_dir / name for name in sources), made, arena, addresses, model_hash)


def _files(program: Program, target: Target, made: Sequence[Call], addresses: Addresses) -> tuple[dict[str, str], list[str], str]:
    """Text of each file by path, which of them are compiled, and the hash of those."""
    units = _units(made)
    names = dict.fromkeys(name for call in made for name in call.emission.sources)
    generated = {f"{name}.c": unit.text for name, unit in units.items()}
    kernels = kernel_files(names, generated.values())
    arrays = [array for call in made for array in call.emission.arrays]
    sources = ["model.c", "weights.c", *sorted(name for name in kernels if name.endswith(".c")), *sorted(generated)]
    board = board_files()
    facts = {
        "network": comment(program.graph.name),
        "target": comment(target.name),
        "core": target.core.name,
        "inputs": _ports(program, addresses, tuple(program.graph.inputs), "input"),
        "outputs": _ports(program, addresses, program.graph.outputs, "output"),
        "arenas": addresses.arenas,
        "headers": [name for name in kernels if name.endswith(".h")],
        "prototypes": [prototype(unit) for unit in units.values()],
        "declarations": [declaration(array) for array in arrays],
        "definitions": [definition(array) for array in arrays],
        "constant_bytes": sum(array.bytes for array in arrays),
        "layers": [_layer(call, addresses) for call in made],
        "sources": sources,
        "serial_sources": sorted([f"{SERIAL}/hwc_model.c", *(name for name in board if name.startswith(SERIAL) and is_source(name))]),
    }
    rendered = {name: _rendered(PurePath(name).name, facts) for name in ("model.h", "model.c", "weights.h", "weights.c", *PLAIN)}
    files = {**rendered, **kernels, **generated}
    model_hash = hashlib.sha256("\0".join(files[name] for name in sources).encode()).hexdigest()[:16]
    served = _rendered("hwc_model.c", {**facts, "model_hash": model_hash, "device_string": string(target.name)})
    return {**files, **board, f"{SERIAL}/hwc_model.c": served}, sources, model_hash


PLAIN = ("README.md", "CMakeLists.txt", "Makefile", "library.properties", "zephyr/module.yml")


def is_source(name: str) -> bool:
    """Whether a file of serial/ is compiled: C right in that folder; examples of hooks are below it."""
    return PurePath(name).suffix == ".c" and len(PurePath(name).parts) == 2


def _units(made: Sequence[Call]) -> dict[str, Unit]:
    """Generated files by name, each once. BuildError where one name means two texts."""
    units: dict[str, Unit] = {}
    for unit in (unit for call in made for unit in call.emission.units):
        if units.setdefault(unit.name, unit) != unit:
            raise BuildError(f"two layers generate different code under the name {unit.name}")
    return dict(sorted(units.items()))


def _words(program: Program) -> list[tuple[str, str]]:
    """C names of the network's inputs and outputs: `input`, or `input_0` and so on where there are several."""
    found: list[tuple[str, str]] = []
    for word, names in (("input", tuple(program.graph.inputs)), ("output", program.graph.outputs)):
        found += [(name, word if len(names) == 1 else f"{word}_{i}") for i, name in enumerate(names)]
    return found


def _ports(program: Program, addresses: Addresses, names: Sequence[str], word: str) -> list[Port]:
    words = [word if len(names) == 1 else f"{word}_{i}" for i in range(len(names))]
    return [Port(own, program.tensors[name], addresses.of_name(name)) for own, name in zip(words, names, strict=True)]


def _layer(call: Call, addresses: Addresses) -> dict[str, Any]:
    """What the template needs of one call."""
    inputs = [addresses.pointer(tensor) for tensor in call.placed.inputs]
    output = addresses.pointer(call.placed.output)
    emission = call.emission
    about = f"{comment(call.placed.node)}: {' x '.join(map(str, call.placed.output.shape))}"
    if not emission.function:
        bytes_ = call.placed.output.bytes
        moves = [] if inputs[0] == output else [f"hwc_copy_bytes({output}, {inputs[0]}, {bytes_});"]
        return {"about": about, "name": string(call.placed.node), "struct": None, "lines": moves}
    given = [f"(const int8_t *const[]){{{', '.join(inputs)}}}"] if emission.gathers else inputs
    arguments = ", ".join([f"&{call.struct_name}", *given, output, addresses.scratch(call.placed.node)])
    return {
        "about": about,
        "name": string(call.placed.node),
        "struct": f"struct {emission.struct} {call.struct_name}",
        "fields": emission.fields,
        "lines": [f"{emission.function}({arguments});"],
    }


def _rendered(name: str, facts: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - C, not HTML; what comes from files passes comment()
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{name}.j2").render(facts)
