"""ONNX files made by torch's two exporters, each module once per run."""

from __future__ import annotations

import io
import warnings
from functools import cache

import torch

from tests.zoo import ZOO


@cache
def zoo_file(name: str, exporter: str) -> bytes:
    """A module of the zoo as an ONNX file."""
    return onnx_file(*ZOO[name].seeded(), exporter=exporter)


def onnx_file(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], *, exporter: str = "dynamo") -> bytes:
    """A module as an ONNX file, as `torch.onnx.export` writes it by default, or with the exporter it had before."""
    _read_definitions_once()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, file, dynamo=exporter == "dynamo", verbose=False)
    return file.getvalue()


@cache
def _read_definitions_once() -> None:
    """The exporter parses its five hundred operators anew for every module, which takes longer than the export; here it does so once."""
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    registry.from_torchlib = staticmethod(cache(registry.from_torchlib))
