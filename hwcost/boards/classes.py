"""Machine code read as instructions: the class of each, and the cycles of a block by a core's table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hwcost.target import Core, Timing

__all__ = ["BlockCost", "Decoder"]


@dataclass(frozen=True, slots=True)
class BlockCost:
    """What executing a block once takes, the branch at its end as if it were not taken."""

    instructions: int
    cycles: float
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Instruction:
    kind: str
    operands: str
    relative: bool
    """Whether a load is from beside the code."""

    @property
    def target(self) -> str:
        """The register it writes, as far as the text tells: the first."""
        return self.operands.partition(",")[0].strip(" {}[]")

    def reads(self, register: str) -> bool:
        """Whether a register is among its operands, wherever."""
        return register in re.findall(r"[a-z]+\d*", self.operands)


_ARM_CLASSES = (
    ("load-pair", r"ldrd"),
    ("store-pair", r"strd"),
    ("load-many", r"(v?ldm|v?pop)"),
    ("store-many", r"(v?stm|v?push)"),
    ("load", r"v?ldr"),
    ("store", r"v?str"),
    ("divide", r"[su]div"),
    ("multiply-add", r"ml[as](?!l)"),
    ("multiply-long", r"([su]mull|[su]mlal(?!d|[bt]{2})|umaal)"),
    ("multiply", r"mul"),
    ("dsp", r"(sm[lmu]|[su]xt[ab]*16|pkh|[sqhu]{1,2}(add|sub)(8|16)|[su]{1,2}as?x|[su]sat|q(d?add|d?sub)|sel$|usad)"),
    ("float", r"v"),
    ("call", r"blx?$|blx?\."),
    ("branch", r"(b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al)?$|bx|cbn?z|tb[bh])"),
    ("other", r"(nop|it[te]*$|dsb|dmb|isb|svc|bkpt|udf|mrs|msr|cps|wf[ie]|sev|undecoded)"),
)
_RISCV_CLASSES = (
    ("load", r"(c\.)?l(b|h|w|bu|hu|wsp)$"),
    ("store", r"(c\.)?s(b|h|w|wsp)$"),
    ("divide", r"(div|rem)u?$"),
    ("multiply-long", r"mulh"),
    ("multiply", r"mul$"),
    ("call", r"(c\.)?jalr?$"),
    ("branch", r"((c\.)?b[a-z]+$|(c\.)?jr?$|ret$)"),
    ("other", r"(ecall|ebreak|fence|csr|wfi|(c\.)?nop|(c\.)?unimp|undecoded)"),
)


class Decoder:
    """Reads blocks of one core's code; a block is read once, however often it runs."""

    def __init__(self, core: Core, timing: Timing) -> None:
        self._timing = timing
        self._arm = core.isa.startswith("armv")
        self._classes = [(kind, re.compile(pattern)) for kind, pattern in (_ARM_CLASSES if self._arm else _RISCV_CLASSES)]
        self._kinds: dict[str, str] = {}
        self._capstone = _capstone(core)

    def cost(self, code: bytes, address: int) -> BlockCost:
        """Instructions, cycles and classes of the code of a block."""
        instructions = [self._instruction(mnemonic, operands) for mnemonic, operands in self._texts(code, address)]
        return BlockCost(len(instructions), self._cycles(instructions), Counter(each.kind for each in instructions))

    def _texts(self, code: bytes, address: int) -> list[tuple[str, str]]:
        """Mnemonics and operands; what cannot be read still counts, as `undecoded`."""
        texts: list[tuple[str, str]] = []
        offset = 0
        while offset < len(code):
            for _, size, mnemonic, operands in self._capstone.disasm_lite(code[offset:], address + offset):
                texts.append((mnemonic, operands))
                offset += size
            if offset < len(code):
                texts.append(("undecoded", ""))
                offset += self._size(int.from_bytes(code[offset : offset + 2], "little"))
        return texts

    def _size(self, half: int) -> int:
        wide = half >> 11 >= 0b11101 if self._arm else half & 3 == 3
        return 4 if wide else 2

    def _instruction(self, mnemonic: str, operands: str) -> _Instruction:
        name = mnemonic.removesuffix(".w").removesuffix(".n")
        if name not in self._kinds:
            self._kinds[name] = next((kind for kind, pattern in self._classes if pattern.match(name)), "arithmetic")
        return _Instruction(self._kinds[name], operands, "[pc" in operands)

    def _cycles(self, instructions: list[_Instruction]) -> float:
        total = 0.0
        before: _Instruction | None = None
        paired = False
        for each in instructions:
            cycles = self._alone(each, before)
            if self._timing.dual_issue and before is not None and not paired and _together(before, each):
                paired = True
                cycles = max(cycles - self._alone(before, None), 0.0)
            else:
                paired = False
            total += cycles
            before = each
        return total

    def _alone(self, each: _Instruction, before: _Instruction | None) -> float:
        """Cycles of an instruction, knowing the one before it."""
        cycles = self._timing.cycles[each.kind]
        if each.kind.endswith("-many"):
            cycles += self._timing.register * _registers(each.operands)
            return cycles + (self._timing.into_pc if re.search(r"\bpc\b", each.operands) else 0.0)
        if each.kind == "load" and self._timing.load_behind_memory is not None and before is not None and _pipelines(before):
            return self._timing.load_behind_memory
        return cycles


def _pipelines(before: _Instruction) -> bool:
    return before.kind == "store" or (before.kind == "load" and not before.relative)


def _together(first: _Instruction, second: _Instruction) -> bool:
    """Whether a core with two pipelines may start both at once."""
    for kinds in (("load", "store"), ("mul", "dsp", "divide")):
        if first.kind.startswith(kinds) and second.kind.startswith(kinds):
            return False
    alone = ("branch", "call", "other", "divide")
    return not first.kind.startswith(alone) and not first.kind.endswith(("many", "pair")) and not second.reads(first.target)


def _registers(operands: str) -> int:
    """How many registers stand between braces: `{r4-r7, lr}` are five."""
    count = 0
    for part in operands[operands.find("{") + 1 :].partition("}")[0].split(","):
        first, _, last = part.strip().partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


def _capstone(core: Core) -> Any:
    import capstone

    if core.isa.startswith("armv"):
        mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        return capstone.Cs(capstone.CS_ARCH_ARM, mode | capstone.CS_MODE_V8 if core.isa.startswith("armv8") else mode)
    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
