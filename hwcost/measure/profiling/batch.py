"""Many layers as one image: their structs compiled, their constants taken in as bytes, every kernel linked once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from hwcost.deploy.build import Image, Room, build
from hwcost.deploy.compilers import Compiler
from hwcost.deploy.emission import Array, Unit
from hwcost.deploy.emit.c_text import declaration, prototype
from hwcost.deploy.emit.kernel_files import KERNELS
from hwcost.measure.profiling.one_layer import ReadyLayer
from hwcost.target import Core

__all__ = ["LARGEST_IMAGE_BYTES", "build_batch"]

LARGEST_IMAGE_BYTES = 12 << 20
"""Constants of the layers in one image: what the largest memory that images are linked for holds, with room for code."""

_TABLE = "hwc_layers"
"""The one root of an image: it refers to every layer and its kernel, so that the linker keeps them."""


def build_batch(layers: Sequence[ReadyLayer], folder: Path, core: Core, compiler: Compiler | None = None) -> Image:
    """An image with a struct `layer_N` for each layer and the kernels they call.

    Kernels stay compiled in `folder`, so that a second batch compiles its structs and generated tiles alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    units = {unit.name: unit for layer in layers for unit in layer.emission.units}
    arrays = [array for layer in layers for array in layer.emission.arrays]
    sources = {"layers.c": _layers(layers, units.values(), arrays), "units.c": _units(units.values())}
    sources["constants.c"] = _constants(arrays, folder / "constants.bin")
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    kernels = sorted({source for layer in layers for source in layer.emission.sources})
    files = [*(folder / name for name in sources), *(KERNELS / name for name in kernels)]
    return build(files, KERNELS, folder / "build", core, compiler, roots=(_TABLE,), room=Room())


def _layers(layers: Sequence[ReadyLayer], units: Iterable[Unit], arrays: Iterable[Array]) -> str:
    """Every struct with its numbers, and the table of all of them."""
    headers = [f'#include "{path.name}"' for path in sorted(KERNELS.glob("*.h"))]
    known = [*headers, *(prototype(unit) for unit in units), *(declaration(array) for array in arrays)]
    structs = [_struct(layer) for layer in layers]
    rows = [f"    &{layer.struct_name}, (const void *)&{layer.emission.function}," for layer in layers]
    return "\n".join([*known, *structs, f"extern const void *const {_TABLE}[];", f"const void *const {_TABLE}[] = {{", *rows, "};", ""])


def _struct(layer: ReadyLayer) -> str:
    members = ", ".join(f".{name} = {value}" for name, value in layer.emission.fields)
    return f"const struct {layer.emission.struct} {layer.struct_name} = {{{members}}};"


def _units(units: Iterable[Unit]) -> str:
    """Generated tiles in one file: compiling many at once takes as long as compiling one."""
    texts = [unit.text for unit in units]
    return "\n".join(texts) if texts else "typedef int nothing;\n"


def _constants(arrays: Sequence[Array], blob: Path) -> str:
    """Assembly that takes every array out of one file of bytes: compilers read a megabyte of numbers for seconds."""
    content = bytearray()
    lines = []
    for array in arrays:
        data = array.values.astype(array.values.dtype.newbyteorder("<")).tobytes()
        lines += [f".section .rodata.{array.name}", f".balign {max(4, array.alignment_bytes)}", f".global {array.name}", f"{array.name}:"]
        lines += [f'.incbin \\"{blob.name}\\", {len(content)}, {len(data)}'] if data else []
        content += data
    blob.write_bytes(bytes(content))
    text = "\n".join(f'    "{line}\\n"' for line in lines or [""])
    # The hash makes the text change with the bytes, by which compiled objects are kept.
    return f"/* sha256 of {blob.name}: {hashlib.sha256(content).hexdigest()} */\n__asm__(\n{text});\n"
