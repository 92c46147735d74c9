"""What a network takes in flash: weights, biases, quantisation, the graph as the runtime stores it, and code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.graph import Graph
from hwcost.kernels import Kernel
from hwcost.kernels.variant import WORD_BYTES, Needs, words
from hwcost.memory.records import record_bytes
from hwcost.sizes import Size, equal
from hwcost.target import Functions, Runtime, Target


@dataclass(frozen=True, slots=True)
class Flash:
    """Bytes in flash by what they hold; `unknown` says what the runtime's file does not state, which is not zero."""

    weight_bytes: Size
    bias_bytes: Size
    quant_bytes: Size
    metadata_bytes: Size
    code_bytes: Size
    unknown: tuple[str, ...] = ()

    @property
    def network_bytes(self) -> Size:
        """The network's own bytes, which a search can change: weights, biases and quantisation."""
        return self.weight_bytes + self.bias_bytes + self.quant_bytes

    @property
    def total_bytes(self) -> Size:
        """Everything."""
        return self.network_bytes + self.metadata_bytes + self.code_bytes


def flash_of(graph: Graph, target: Target, chosen: Sequence[Kernel]) -> Flash:
    """What `graph`, run by the `chosen` kernels, takes in flash on a target."""
    return generated_flash(chosen, target) if target.runtime.generated else flash(graph, target.runtime)


def flash(graph: Graph, runtime: Runtime) -> Flash:
    """What `graph` takes in flash under a runtime whose file states it; parameters shared by several layers count once."""
    model = runtime.flash
    used = graph.used_parameters.values()
    weights = sum(parameter.bytes for role, parameter in used if role != "bias")
    biases = sum(parameter.bytes for role, parameter in used if role == "bias")
    if model is None:
        return Flash(weights, biases, 0, 0, 0, (f"{runtime.reference} does not say what it takes in flash besides weights",))
    pointer_bytes = 4 if runtime.pointer_bytes is None else runtime.pointer_bytes.value
    unknown = [f"code of {runtime.reference}: no figure"] if model.base_code_bytes is None else []
    if model.quant_bytes_per_channel is None:
        unknown.append(f"quantisation parameters under {runtime.reference}: no figure")
    base = 0 if model.base_code_bytes is None else model.base_code_bytes.value
    used_kinds = [step.kind for step in graph.steps]
    code = base + sum(entry.total_bytes(used_kinds) for entry in model.code)
    per_channel = 0 if model.quant_bytes_per_channel is None else model.quant_bytes_per_channel.value
    return Flash(
        weight_bytes=weights,
        bias_bytes=biases,
        quant_bytes=per_channel * quantised_channels(graph, model.quant_kinds),
        metadata_bytes=record_bytes(model.metadata, graph, pointer_bytes),
        code_bytes=code,
        unknown=tuple(unknown),
    )


def generated_flash(chosen: Sequence[Kernel], target: Target) -> Flash:
    """The parts of a generated image: constants as their kernels want them, a struct and a call for each layer, each function once.

    Tables of layers without weights count as metadata, as structs do.
    """
    table = target.runtime.functions.get(target.core.name)
    if table is None:
        return Flash(0, 0, 0, 0, 0, (f"code of {target.runtime.reference} on {target.core.name}: nobody measured its functions",))
    needs = [kernel.needs for kernel in chosen if kernel.needs is not None]
    channels = sum(WORD_BYTES * each.channels for each in needs)
    weighted = sum(each.packed_bytes for each in needs if not equal(each.channels, 0))
    tables = sum(each.packed_bytes for each in needs) - weighted
    return Flash(
        weight_bytes=weighted - 2 * channels,
        bias_bytes=channels,
        quant_bytes=channels,
        metadata_bytes=tables + sum(table.structs[each.struct] * each.calls for each in needs),
        code_bytes=code_bytes(needs, table),
    )


def code_bytes(needs: Sequence[Needs], table: Functions) -> int:
    """Start-up, a call for each layer, each function and all generated code once."""
    functions = dict.fromkeys(name for each in needs for name in each.functions)
    units = {name: size for each in needs for name, size in each.unit_bytes.items()}
    made = sum(int(words(size)) for size in units.values())
    return table.base_code_bytes + table.call_bytes * sum(each.calls for each in needs) + table.code_of(list(functions)) + made


def quantised_channels(graph: Graph, kinds: Sequence[str] = ()) -> Size:
    """Output channels of integer layers with weights (of `kinds`, if given): each has a multiplier of its own in an int8 program.

    Kernels want one multiplier per channel even where a file has one scale per tensor, so both count the same.
    """
    steps = (step for step in graph.steps if 0 < step.weight_bits <= 16 and (not kinds or step.kind in kinds))
    return sum(step.work.out_channels for step in steps)
