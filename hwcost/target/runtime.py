"""A kernel library, its version and its compiler: what it can run, and what memory it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from hwcost.target.cited import Bytes, Cited, Count, Flag, Limits, Name, Strict, Text, check_unique
from hwcost.target.latency import Latency
from hwcost.target.layer import ALWAYS, Condition, LayerFacts, Term

__all__ = ["Code", "Compiler", "FlashModel", "Functions", "Kernel", "RamModel", "Record", "Runtime", "Scratch"]

Kinds = Annotated[tuple[Name, ...], Limits(min_length=1)]


@dataclass(frozen=True, slots=True)
class Compiler(Strict):
    """What built the kernels that the figures are of."""

    name: Text
    flags: tuple[Text, ...] = ()
    version: Text | None = None


@dataclass(frozen=True, slots=True)
class Kernel(Strict):
    """How operators of some kinds are run: by an optimised kernel, by a plain one, or not at all (an alias, a no-op: `free`)."""

    kinds: Kinds
    kernel: Literal["optimised", "reference", "free"]
    source: Text
    when: Condition = ALWAYS
    confirmed: Flag = True


@dataclass(frozen=True, slots=True)
class Record(Strict):
    """Bytes a runtime keeps for each of something: a struct per tensor, an entry per operator, a header per model."""

    what: Text
    per: Literal["model", "tensor", "operator", "io_tensor", "output_channel"]
    """`tensor` counts activations and constants (weights, biases) alike; `output_channel` those of every layer of the kinds."""
    bytes: Cited[Bytes]
    on_64_bit_host: Cited[Bytes] | None = None
    """The same where pointers take 8 bytes; absent where pointers do not matter."""
    kinds: tuple[Name, ...] = ()
    """Operator kinds it is kept for; none is all of them. Only for `operator` and `output_channel`."""

    def size_bytes(self, pointer_bytes: int) -> int:
        """Bytes of one record where pointers take `pointer_bytes`."""
        chosen = self.on_64_bit_host if pointer_bytes == 8 and self.on_64_bit_host is not None else self.bytes
        return chosen.value


@dataclass(frozen=True, slots=True)
class RamModel(Strict):
    """How a runtime lays out RAM: the planner of its arena, and what it needs besides."""

    planner: Literal["optimal", "tflm-greedy", "greedy-by-size", "unknown"]
    """`tflm-greedy`: largest first, each into the first gap that is wide enough while it lives."""
    alignment_bytes: Cited[Count]
    tie: Literal["execution-descending", "execution-ascending"] = "execution-descending"
    """Which of two equal sizes a greedy planner places first."""
    arena_regions: Literal["one", "many"] = "one"
    """Whether the arena is one block in one memory, or tensors may be spread over several."""
    in_place: tuple[Name, ...] = ()
    """Kinds whose output may take the place of an input that dies there."""
    io_in_arena: Flag = True
    """Whether the network's inputs and outputs lie in the arena (else the application owns them; they count all the same)."""
    runtime_bytes: Cited[Bytes] | None = None
    """Static RAM outside the arena; absent is not known, and not zero."""
    stack_bytes: Cited[Bytes] | None = None
    persistent: tuple[Record, ...] = ()
    """Kept in the arena for good, beside the planned tensors."""


@dataclass(frozen=True, slots=True)
class Scratch(Strict):
    """Working memory of a kernel while it runs: the sum of its terms. No terms means it asks for none."""

    kinds: Kinds
    source: Text
    terms: tuple[Term, ...] = ()
    when: Condition = ALWAYS
    confirmed: Flag = True


@dataclass(frozen=True, slots=True)
class Code(Strict):
    """Machine code that operators of these kinds bring in."""

    kinds: Kinds
    bytes: Cited[Bytes]
    per: Literal["program", "kind", "layer"] = "program"
    """Linked once if any of the kinds is used, once for each kind used, or generated for every layer."""

    def total_bytes(self, used: Sequence[str]) -> int:
        """Bytes in a program whose layers are of the kinds `used`, one entry a layer."""
        hits = [kind for kind in used if kind in self.kinds]
        count = {"program": int(bool(hits)), "kind": len(set(hits)), "layer": len(hits)}[self.per]
        return count * self.bytes.value


@dataclass(frozen=True, slots=True)
class FlashModel(Strict):
    """What a network takes in flash besides its weights and biases."""

    base_code_bytes: Cited[Bytes] | None = None
    """Code that is there whatever the network; absent is not known, and not zero."""
    code: tuple[Code, ...] = ()
    metadata: tuple[Record, ...] = ()
    """The graph as the runtime stores it."""
    quant_bytes_per_channel: Cited[Bytes] | None = None
    """Scales and zero points, or multipliers and shifts, of one output channel."""
    quant_kinds: tuple[Name, ...] = ()
    """Kinds whose layers keep them per channel; none is every kind with weights. Others keep them per tensor, in the metadata."""


@dataclass(frozen=True, slots=True)
class Functions(Strict):
    """What the functions of a code generator take on one core, as one compiler with one set of flags built them.

    A firmware image holds the functions its layers call, each once, a struct for every layer, and code that calls them in turn.
    """

    runtime: Name
    core: Name
    source: Text
    base_code_bytes: Bytes
    """Start-up, vectors, copying in and out: there whatever the network."""
    call_bytes: Bytes
    """Code that calls one layer."""
    stack_bytes: Bytes
    """Stack of the model's own function, which calls the layers."""
    functions: Mapping[str, Bytes]
    """Code of each source of kernels."""
    structs: Mapping[str, Bytes]
    """The numbers of one layer, by the kernel they are for."""
    helpers: Mapping[str, Bytes] = field(default_factory=dict)
    """Code of the compiler's own functions (a 64-bit product, a division)."""
    uses: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)
    """Which of them each source of kernels brings in."""
    stacks: Mapping[str, Bytes] = field(default_factory=dict)
    """The deepest stack seen from the call of a kernel down, by its source."""

    def stack_of(self, sources: Sequence[str]) -> int:
        """The deepest stack of an image whose layers call these sources; one that nobody saw counts as the deepest of all."""
        deepest = max(self.stacks.values(), default=0)
        return self.stack_bytes + max((self.stacks.get(source, deepest) for source in sources), default=0)

    def code_of(self, sources: Sequence[str]) -> int:
        """Code of these sources and of all that they bring in, each once."""
        brought = dict.fromkeys(helper for source in sources for helper in self.uses.get(source, ()))
        return sum(self.functions[source] for source in sources) + sum(self.helpers[helper] for helper in brought)


@dataclass(frozen=True, slots=True)
class Runtime(Strict):
    """A kernel library at one version: it decides the speed and the memory of a network as much as the core does.

    Kernels and scratch are lists of rules: the first whose kinds and condition a layer meets is the one that counts.
    A layer that meets no kernel rule is unsupported; one that meets no scratch rule has unknown scratch, not zero.
    """

    name: Name
    version: Name
    title: Text
    cores: tuple[Name, ...]
    """Cores it is described for; others are refused by name."""
    sources: tuple[Text, ...]
    compiler: Compiler | None = None
    pointer_bytes: Cited[Count] | None = None
    kernels: tuple[Kernel, ...] = ()
    ram: RamModel | None = None
    scratch: tuple[Scratch, ...] = ()
    flash: FlashModel | None = None
    data_only: Flag = False
    """Only a name that published measurements refer to: it can be compared with, not checked against."""
    provisional: Flag = False
    """Priced before it exists; reports say so."""
    build: Text | None = None
    """For a code generator: a hash of its kernels, templates, flags and compiler, by which figures are told from those of another."""
    generated: Flag = False
    """Whether its kernels are those of hwcost's own generator, which says what each asks for; `functions` holds the sizes of its code."""
    notes: Text | None = None
    latency: Mapping[Name, Latency] = field(default_factory=dict)
    """By core; shipped runtimes keep each in a file of its own, and only the target's core is read."""
    functions: Mapping[Name, Functions] = field(default_factory=dict)
    """By core, for a code generator: sizes of its functions, kept and read like latency."""

    def __post_init__(self) -> None:
        """A runtime that can be checked against describes its kernels, RAM and flash."""
        check_unique("cores", self.cores)
        if not self.sources:
            raise ValueError("expected at least one source, got none")
        described = {"pointer_bytes": self.pointer_bytes, "kernels": self.kernels, "ram": self.ram, "flash": self.flash}
        missing = [name for name, value in described.items() if not value]
        if missing and not self.data_only:
            raise ValueError(f"expected {', '.join(missing)}, got none (only a runtime with data_only = true may leave them out)")

    @property
    def reference(self) -> str:
        """`name@version`, as `--runtime` takes it."""
        return f"{self.name}@{self.version}"

    def kernel_for(self, layer: LayerFacts, extensions: Sequence[str] = ()) -> Kernel | None:
        """The rule that runs a layer; None where the runtime does not support it."""
        return next((rule for rule in _matching(self.kernels, layer, extensions) if isinstance(rule, Kernel)), None)

    def scratch_for(self, layer: LayerFacts, extensions: Sequence[str] = ()) -> Scratch | None:
        """The rule that sizes a layer's working memory; None where nobody knows it."""
        return next((rule for rule in _matching(self.scratch, layer, extensions) if isinstance(rule, Scratch)), None)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every operator kind some rule supports, in the order of the file."""
        return tuple(dict.fromkeys(kind for rule in self.kernels for kind in rule.kinds))


def _matching(rules: Sequence[Kernel | Scratch], layer: LayerFacts, extensions: Sequence[str]) -> Iterator[Kernel | Scratch]:
    return (rule for rule in rules if layer.kind in rule.kinds and rule.when.holds(layer, extensions))
