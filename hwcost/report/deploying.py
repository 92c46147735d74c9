"""Deployments told to people and to programs: predicted beside measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import hwcost
from hwcost.quantities import human_bytes, human_seconds
from hwcost.target import Target
from hwcost.verify.truth import LayerTruth, Measured, Truth

__all__ = ["truth_json", "truth_text"]

SCHEMA = 1
MOST_LAYERS = 40


def truth_json(model: str, target: Target, truth: Truth) -> str:
    """One object: predicted, measured, agreement, layers, and what they depend on."""
    measured = truth.measured
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "versions": {"hwcost": hwcost.__version__},
        "model": model,
        "target": {"device": target.device.name, "core": target.core.name, "runtime": target.runtime.reference},
        "predicted": asdict(truth.predicted),
        "measured": None if measured is None else _figures(measured),
        "conditions": None
        if measured is None
        else {"board": measured.board, "compiler": measured.compiler, "flags": list(measured.flags), "clock_hz": target.clock_hz},
        "agreement": None if truth.agreement is None else asdict(truth.agreement),
        "layers": [asdict(layer) for layer in truth.layers],
        "notes": list(truth.notes),
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _figures(measured: Measured) -> dict[str, Any]:
    return {name: value for name, value in asdict(measured).items() if name not in ("board", "compiler", "flags")}


def truth_text(model: str, target: Target, truth: Truth) -> str:
    """A table of four figures, how the answers agree, and the layers that took longest."""
    lines = [f"{model} on {target.name}, {target.core.name}, {target.runtime.reference}", ""]
    lines += _columns([["", "predicted", "measured", "apart"], *_rows(truth)])
    if truth.measured is not None:
        lines += ["", f"measured on {truth.measured.board}; built by {truth.measured.compiler} {' '.join(truth.measured.flags)}"]
    lines += ["", *_agreement(truth), *_layers(truth.layers)]
    lines += [f"note: {note}" for note in truth.notes]
    return "\n".join(lines).rstrip() + "\n"


def _rows(truth: Truth) -> list[list[str]]:
    said, found = truth.predicted, truth.measured
    rows = [
        ["RAM", human_bytes(said.ram_bytes), *_beside(said.ram_bytes, None if found is None else found.ram_bytes, human_bytes)],
        ["flash", human_bytes(said.flash_bytes), *_beside(said.flash_bytes, None if found is None else found.flash_bytes, human_bytes)],
        ["cycles", _count(said.cycles), *_beside(said.cycles, None if found is None else found.cycles, _count)],
        ["latency", _seconds(said.latency_s), *_beside(said.latency_s, None if found is None else found.latency_s, _seconds)],
    ]
    if found is not None and found.instructions is not None:
        rows.append(["instructions", "-", _count(found.instructions), ""])
    if found is not None and found.stack_bytes is not None:
        rows.append(["stack (in RAM)", "-", human_bytes(found.stack_bytes), ""])
    return rows


def _beside(said: float | None, found: float | None, human: Any) -> list[str]:
    if found is None:
        return ["-", ""]
    apart = "" if not said else f"{(found - said) / said:+.1%}"
    return [human(found), apart]


def _count(value: float | None) -> str:
    return "-" if value is None else f"{round(value):,}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else human_seconds(value)


def _agreement(truth: Truth) -> list[str]:
    found = truth.agreement
    if found is None:
        return []
    exact = "bit for bit the program's answers" if found.bit_exact else "NOT the program's answers"
    against = f"against onnxruntime at most {found.ort_max_lsb} steps apart, equal on {found.ort_equal_fraction:.2%} of outputs"
    same = "" if found.arg_max_fraction is None else f", the same class in {found.arg_max_fraction:.1%}"
    count = "1 example" if found.examples == 1 else f"{found.examples} examples"
    return [f"{count}: {exact}; {against}{same}", ""]


def _layers(layers: Sequence[LayerTruth]) -> list[str]:
    """The layers that took longest."""
    measured = sorted(((layer.cycles, layer) for layer in layers if layer.cycles), key=lambda pair: -pair[0])
    rows = [[layer.name[:40], layer.op, layer.kernel, _count(cycles), _each_mac(cycles, layer)] for cycles, layer in measured[:MOST_LAYERS]]
    return [*_columns([["layer", "op", "kernel", "cycles", "a MAC"], *rows]), ""] if rows else []


def _each_mac(cycles: int, layer: LayerTruth) -> str:
    return f"{cycles / layer.macs:.2f}" if layer.macs else "-"


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows with their columns below one another: names ranged left, figures right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = {0} if len(rows[0]) == 4 else {0, 1, 2}
    cells = (
        [cell.ljust(width) if i in left else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )
    return ["  " + "  ".join(row).rstrip() for row in cells]
