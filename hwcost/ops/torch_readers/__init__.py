"""Readers of ATen calls, one file per operator family; torch is not imported: a reader sees shapes and plain values."""

from __future__ import annotations

from importlib import import_module

FAMILIES = ("arithmetic", "axes", "layers", "norms", "pointwise", "recurrent", "windows")


def load() -> None:
    """Register the readers of every family."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
