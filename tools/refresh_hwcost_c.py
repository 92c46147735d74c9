"""Measures what the functions of hwcost's own kernels take on each core; writes targets/runtimes/hwcost-c/*/: functions/ and the hash.

Code sizes come from the objects that the pinned compiler makes of hwcost/deploy/c/; start-up, calls and stack from the images of small
programs (tools/deploying/probes.py) and of single layers, run on the emulated core. Run it after a change of kernels or of flags; --check
only compares.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from deploying.probes import lookups
from elftools.elf.elffile import ELFFile

import hwcost.deploy
import hwcost.kernels
from hwcost.boards import EmulatedBoard
from hwcost.deploy.build import build, sections
from hwcost.deploy.compilers import CORES, Compiler, found
from hwcost.deploy.emit import emit
from hwcost.deploy.planning import plan
from hwcost.deploy.program import Program
from hwcost.errors import MeasurementError
from hwcost.measure.profiling.batch import build_batch
from hwcost.measure.profiling.emulated import run_batch
from hwcost.measure.profiling.one_layer import ReadyLayer, ready
from hwcost.measure.sampling.kinds import KINDS
from hwcost.measure.sampling.limits import Limits
from hwcost.measure.sampling.prior import sample_kind
from hwcost.shipped import targets_folder
from hwcost.target import Core, Target, load_core

C = Path(hwcost.deploy.__file__).parent / "c"
STRUCT = re.compile(r"^struct (hwc_\w+) \{", re.MULTILINE)
DSP_ONLY = "hwc_dsp"
TABLE_BYTES = 256
KERNEL = "hwc_"
BUILD = re.compile(r'^build = ".*"$', re.MULTILINE)
SOURCES = (".c", ".h", ".S", ".py", ".j2")
LAYERS_OF_A_KIND = 4


def sources(core_extensions: tuple[str, ...]) -> list[Path]:
    """Kernels a core can run."""
    return [path for path in sorted(C.glob("*.c")) if "dsp" in core_extensions or not path.name.startswith(DSP_ONLY)]


def object_bytes(source: Path, compiler: Compiler, flags: tuple[str, ...], folder: Path) -> int:
    """Code and constants of one compiled source."""
    made = folder / f"{source.stem}.o"
    subprocess.run([*compiler.command, *flags, "-I", str(C), "-c", str(source), "-o", str(made)], check=True)
    with made.open("rb") as file:
        sections = list(ELFFile(file).iter_sections())
        kept = [s for s in sections if s["sh_flags"] & 2 and s["sh_type"] == "SHT_PROGBITS"]
        return sum(-(-s["sh_size"] // 4) * 4 for s in kept)


def struct_bytes(compiler: Compiler, flags: tuple[str, ...], folder: Path, headers: list[Path]) -> dict[str, int]:
    """Size of each struct of the headers, read from the sizes of arrays as long as they are."""
    names = sorted({name for header in headers for name in STRUCT.findall(header.read_text(encoding="utf-8"))})
    text = "".join(f'#include "{header.name}"\n' for header in headers) + "".join(f"char size_of_{n}[sizeof(struct {n})];\n" for n in names)
    source = folder / "sizes.c"
    source.write_text(text, encoding="utf-8")
    made = folder / "sizes.o"
    subprocess.run([*compiler.command, *flags, "-I", str(C), "-c", str(source), "-o", str(made)], check=True)
    with made.open("rb") as file:
        symbols = {s.name: s["st_size"] for s in ELFFile(file).get_section_by_name(".symtab").iter_symbols()}
    return {name: symbols[f"size_of_{name}"] for name in names}


def images(core: Core, folder: Path) -> tuple[int, int, int]:
    """What an image takes before the first call, for each call, and of stack."""
    target = replace(Target.load("stm32l4r5", "hwcost-c"), core=core)
    short, long = (image_of(lookups(count), target, folder / f"lookups{count}") for count in (1, 9))
    known = struct_bytes(found(), found().flags(core, "-O3"), folder, [C / "hwc.h"])["hwc_lookup"] + TABLE_BYTES
    call = (sections(long).flash_bytes - sections(short).flash_bytes) // 8 - known
    function = sections(short).functions["hwc_lookup"]
    base = sections(short).flash_bytes - known - call - function
    return base, call, stack_of(short, core)


def helpers_of(core: Core, stems: list[str], folder: Path) -> tuple[dict[str, int], dict[str, list[str]]]:
    """The compiler's own functions that kernels bring in, beyond those of every image, with their sizes."""
    target = replace(Target.load("stm32l4r5", "hwcost-c"), core=core)
    common = set(sections(image_of(lookups(1), target, folder / "common")).functions)
    sizes: dict[str, int] = {}
    uses: dict[str, list[str]] = {}
    for stem in stems:
        made = build([C / f"{name}.c" for name in stems], C, folder / "helpers", core, roots=(stem,))
        found_there = sections(made.elf).functions
        brought = {n: -(-size // 4) * 4 for n, size in found_there.items() if n not in common and not n.startswith(KERNEL)}
        sizes |= brought
        if brought:
            uses[stem] = sorted(brought)
    return dict(sorted(sizes.items())), uses


def image_of(program: Program, target: Target, folder: Path) -> Path:
    planned = plan(program, target)
    project = emit(program, target, planned.cost.ram.plan, planned.variants, folder)
    return build(project.sources, project.folder, folder / "build", target.core).elf


def stack_of(elf: Path, core: Core) -> int:
    board = EmulatedBoard(core)
    board.load(elf)
    return board.call("model_run", (board.buffer(4096), board.buffer(4096))).stack_bytes


def stacks(core: Core, folder: Path) -> dict[str, int]:
    """The deepest stack of each kernel, from its call down, over a few layers of every kind."""
    limits = Limits(ram_bytes=1 << 17, flash_bytes=1 << 19, macs=300_000)
    layers = [layer for kind in KINDS for layer in sample_kind(kind, LAYERS_OF_A_KIND, limits)]
    prepared: list[ReadyLayer] = []
    for layer in layers:
        try:
            prepared.append(ready(layer, len(prepared), core))
        except MeasurementError:
            continue  # a kind that no layer of its own can be run of: what is linked beside it decides
    deepest: dict[str, int] = {}
    for layer, run in zip(prepared, run_batch(prepared, build_batch(prepared, folder, core), core), strict=True):
        source = Path(layer.emission.sources[0]).stem
        deepest[source] = max(deepest.get(source, 0), run.stack_bytes)
    return dict(sorted(deepest.items()))


def made_by(compiler: Compiler) -> str:
    """A hash of everything that decides what an image is: kernels, generator, templates, flags, the compiler's version."""
    deploy = C.parent
    folders = [C, deploy / "variants", deploy / "tiles", deploy / "templates", deploy / "emit", Path(hwcost.kernels.__file__).parent]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in SOURCES]
    texts = [f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in (*files, deploy / "tiles_depthwise.py")]
    flags = [f"{name} {' '.join(compiler.flags(load_core(name), '-O3'))}" for name in sorted(CORES)]
    return hashlib.sha256("\0".join([*texts, *flags, compiler.version]).encode()).hexdigest()[:16]


def runtime_text(path: Path, compiler: Compiler) -> str:
    """The runtime's file with the hash of what there is now."""
    return BUILD.sub(f'build = "{made_by(compiler)}"', path.read_text(encoding="utf-8"))


def stated(
    core: str,
    sizes: dict[str, int],
    structs: dict[str, int],
    base: tuple[int, int, int],
    helpers: tuple[dict[str, int], dict[str, list[str]]],
    stacked: dict[str, int],
    by: str,
) -> str:
    """The file of one core."""
    code, call, stack = base
    lines = [
        "# Written by tools/refresh_hwcost_c.py: change the kernels, not this file.",
        'runtime = "hwcost-c"',
        f'core = "{core}"',
        f'source = "measured on the objects and images that {by} makes of hwcost/deploy/c/ and of probes, and on the emulated core"',
        f"base_code_bytes = {code}",
        f"call_bytes = {call}",
        f"stack_bytes = {stack}",
        "",
        "[structs]",
        *(f"{name} = {size}" for name, size in structs.items()),
        "",
        "[functions]",
        *(f"{name} = {size}" for name, size in sizes.items()),
        "",
        "[helpers]",
        *(f"{json.dumps(name)} = {size}" for name, size in helpers[0].items()),
        "",
        "[uses]",
        *(f"{name} = {json.dumps(used)}" for name, used in helpers[1].items()),
        "",
        "[stacks]",
        *(f"{name} = {size}" for name, size in stacked.items()),
    ]
    return "\n".join(lines) + "\n"


def file_of(name: str, compiler: Compiler) -> str:
    core = load_core(name)
    flags = compiler.flags(core, "-O3")
    with tempfile.TemporaryDirectory() as folder:
        sizes = {s.stem: object_bytes(s, compiler, flags, Path(folder)) for s in sources(core.extensions)}
        headers = [h for h in sorted(C.glob("*.h")) if "dsp" in core.extensions or not h.name.startswith(DSP_ONLY)]
        structs = struct_bytes(compiler, flags, Path(folder), headers)
        helpers = helpers_of(core, list(sizes), Path(folder))
        stacked = stacks(core, Path(folder) / "stacks")
        base, call, deepest = images(core, Path(folder))
        own = deepest - stacked["hwc_lookup"]  # the model's function alone, which calls it
        return stated(name, sizes, structs, (base, call, own), helpers, stacked, compiler.version)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", action="append", choices=sorted(CORES), help="only this core; repeatable")
    parser.add_argument("--only-build", action="store_true", help="only the hash in runtime.toml, where nothing that was measured changed")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    given = parser.parse_args()
    compiler = found()
    folder = targets_folder() / "runtimes" / "hwcost-c" / "0.1"
    texts = {folder / "runtime.toml": runtime_text(folder / "runtime.toml", compiler)}
    for name in () if given.only_build else given.core or sorted(CORES):
        texts[folder / "functions" / f"{name}.toml"] = file_of(name, compiler)
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{path} is out of date" if given.check else f"wrote {path}")
        if not given.check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    return int(given.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
