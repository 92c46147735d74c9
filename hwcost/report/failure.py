"""A model that could not be checked, among others that could."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """The name of the model, the target if it was about one, and the sentence."""

    model: str
    target: str | None
    error: str
