"""Readers of ONNX nodes, one file per operator family; onnx is not imported: a reader sees shapes and plain values."""

from __future__ import annotations

from importlib import import_module

FAMILIES = ("arithmetic", "attention", "axes", "integer", "layers", "norms", "pointwise", "qlinear", "quantised", "recurrent", "windows")


def load() -> None:
    """Register the readers of every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
