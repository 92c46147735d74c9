"""What quantising did to a network, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hwcost.report.names import escaped

if TYPE_CHECKING:
    from hwcost.deploy.quantise import Quantised
    from hwcost.deploy.sensitivity import LayerNoise

__all__ = ["as_json", "as_object", "as_text"]

SHOWN_LAYERS = 5


def as_json(made: Quantised) -> str:
    """The report as one JSON object; equal input gives the same bytes."""
    return json.dumps(as_object(made), indent=2, allow_nan=False) + "\n"


def as_object(made: Quantised) -> dict[str, Any]:
    """The report as plain dictionaries, lists, texts and numbers; layers in the order of the network."""
    return {
        "schema": 1,
        "output": made.path.name,
        "method": made.method,
        "samples": made.samples,
        "bytes": {"float": made.float_bytes, "int8": made.int8_bytes},
        "agreement": asdict(made.agreement),
        "layers": [asdict(layer) for layer in made.layers],
        "worst": [layer.name for layer in made.worst[:SHOWN_LAYERS]],
        "float_islands": list(made.float_islands),
        "warnings": list(made.warnings),
    }


def as_text(made: Quantised) -> str:
    """The report in lines: size, agreement, the layers that hurt most, and what to look at."""
    sizes = f"{made.float_bytes:,} bytes became {made.int8_bytes:,}"
    lines = [
        f"{escaped(made.path.name)}: int8, calibrated on {made.samples} samples ({made.method}), {sizes}",
        *_agreement(made),
        "Layers that add most noise (signal to noise in dB, the layer alone and with all before it):",
        *(_layer(layer) for layer in made.worst[:SHOWN_LAYERS]),
        *(f"Computes in floats: {escaped(name)}" for name in made.float_islands),
        *(f"Warning: {escaped(warning)}" for warning in made.warnings),
    ]
    return "".join(f"{line}\n" for line in lines)


def _agreement(made: Quantised) -> list[str]:
    found = made.agreement
    lines = [f"Outputs: {found.sqnr_db:.1f} dB from the float network's"]
    if found.argmax is not None:
        lines.append(f"Same class: {found.argmax:.1%} of samples")
    if found.float_accuracy is not None and found.int8_accuracy is not None:
        lines.append(f"Accuracy: {found.float_accuracy:.2%} float, {found.int8_accuracy:.2%} int8")
    return lines


def _layer(layer: LayerNoise) -> str:
    return f"  {layer.own_db:6.1f} {layer.total_db:6.1f}  {escaped(layer.name)} ({escaped(layer.op)})"
