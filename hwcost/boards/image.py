"""An ELF image as a board needs it: what to load where, which memory there is, and whose code an address is in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwcost.errors import BoardError

__all__ = ["LoadedImage", "read_image"]

_PROGRAM = "PT_LOAD"


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """Segments by address, and symbols; Thumb addresses are even here."""

    segments: tuple[tuple[int, bytes], ...]
    symbols: Mapping[str, int]
    functions: tuple[tuple[int, int, str], ...]
    """First byte, size and name of each, in the order of addresses."""

    def address(self, symbol: str) -> int:
        """Where a symbol is; BoardError where the image has none of that name."""
        if symbol not in self.symbols:
            raise BoardError(f"the image has no symbol {symbol!r}; expected one of {', '.join(name for _, _, name in self.functions[:20])}")
        return self.symbols[symbol]

    def function_at(self, address: int) -> str:
        """Which function an address is in; `?` where none is."""
        index = bisect_right(self.functions, address, key=lambda entry: entry[0]) - 1
        if index >= 0:
            start, size, name = self.functions[index]
            if address < start + max(size, 2):
                return name
        return "?"


def read_image(elf: Path) -> LoadedImage:
    """What is in an ELF file; BoardError where it is none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with elf.open("rb") as file:
            image = ELFFile(file)
            segments = [part for segment in image.iter_segments() if segment["p_type"] == _PROGRAM for part in _parts(segment)]
            table: Any = image.get_section_by_name(".symtab")
            symbols = list(table.iter_symbols()) if table else []
            thumb = image["e_machine"] == "EM_ARM"
    except (OSError, ELFError) as error:
        raise BoardError(f"{elf}: expected an ELF image, got a file that cannot be read as one: {error}") from error
    return LoadedImage(tuple(segments), *_symbols(symbols, thumb))


def _parts(segment: Any) -> list[tuple[int, bytes]]:
    """A segment where it runs, zeros included, and where it is stored if that is elsewhere."""
    data = bytes(segment.data())
    parts = [(segment["p_vaddr"], data)] if data else []
    return [*parts, (segment["p_paddr"], data)] if data and segment["p_paddr"] != segment["p_vaddr"] else parts


def _symbols(symbols: list[Any], thumb: bool) -> tuple[dict[str, int], tuple[tuple[int, int, str], ...]]:
    addresses: dict[str, int] = {}
    functions: dict[int, tuple[bool, int, int, str]] = {}
    for symbol in symbols:
        is_function = symbol["st_info"]["type"] == "STT_FUNC"
        address = symbol["st_value"] & ~1 if thumb and is_function else symbol["st_value"]
        if symbol.name and not symbol.name.startswith("$"):
            addresses[symbol.name] = address
        if is_function:
            entry = (symbol["st_info"]["bind"] == "STB_LOCAL", address, symbol["st_size"], symbol.name)
            functions[address] = min(functions.get(address, entry), entry)
    return addresses, tuple(entry[1:] for entry in sorted(functions.values(), key=lambda entry: entry[1]))
