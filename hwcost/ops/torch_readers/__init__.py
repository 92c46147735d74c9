"""Readers of ATen calls, one file per operator family; torch is not imported: a reader sees shapes and plain values."""

from __future__ import annotations

from importlib import import_module

FAMILIES = ("arithmetic", "axes", "layers", "norms", "pointwise", "recurrent", "storage", "windows")

FILLINGS = {
    "aten.fill",
    "aten.full_like",
    "aten.new_full",
    "aten.new_ones",
    "aten.new_zeros",
    "aten.ones_like",
    "aten.zero",
    "aten.zeros_like",
}
"""Calls that take only a shape from their operand: what they make is a constant, whatever the operand is."""


def load() -> None:
    """Register the readers of every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
