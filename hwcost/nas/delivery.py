"""What a search hands over: a file that check judges, and weights that load without hwcost. Three counts agree, or nothing is given."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from torch import nn

from hwcost.budget import METRICS
from hwcost.checking import Report, check
from hwcost.errors import GraphError
from hwcost.frontends.from_torch import Example
from hwcost.nas.checkpoint import write_atomically
from hwcost.nas.limits import Limits

ONNX = "network.onnx"
WEIGHTS = "network.pt"
BUDGET = "budget.toml"
"""The limits in seconds, bytes and joules, for `hwcost check --budget`."""


def delivered(small: nn.Module, example_input: Example, limits: Limits, folder: Path) -> Report:
    """Write the network as ONNX, its weights and the budget into `folder`; the verdict of check on the file.

    The network is counted three times: by the search, from the module read anew, and from the file. Raises GraphError where they differ
    in a single byte or cycle, BudgetError for a limit that is passed.
    """
    small.eval()
    write_atomically(folder / ONNX, _as_onnx(small, example_input))
    write_atomically(folder / BUDGET, limits.costs.budget.as_toml().encode())
    weights = io.BytesIO()
    torch.save(small.state_dict(), weights)
    write_atomically(folder / WEIGHTS, weights.getvalue())
    judged = {"budget": limits.costs.budget, "confidence": limits.costs.confidence, "latency_model": limits.costs.latency_model}
    target = limits.costs.target
    from_file = check(folder / ONNX, target, **judged)  # type: ignore[arg-type]
    from_module = check(small, target, example_input=example_input, **judged)  # type: ignore[arg-type]
    require_agreement({"the search": limits.report(), "the module": from_module, "the file": from_file})
    limits.costs.budget.require(from_file.cost)
    return from_file


def require_agreement(counts: dict[str, Report]) -> None:
    """Raise GraphError unless all reports have the same four figures and the same verdict."""
    found = {name: (*(getattr(report.cost, metric) for metric in METRICS), report.verdict) for name, report in counts.items()}
    if len(set(found.values())) > 1:
        rows = [f"{name}: {', '.join(map(str, figures))}" for name, figures in found.items()]
        raise GraphError(f"the network is counted differently, which is a mistake in hwcost, please report it ({'; '.join(rows)})")


def _as_onnx(small: nn.Module, example_input: Example) -> bytes:
    """The module as an ONNX file, in evaluation mode."""
    inputs = (example_input,) if isinstance(example_input, torch.Tensor) else tuple(example_input)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces the end of this exporter; the other one needs a package more
        torch.onnx.export(small, inputs, file, dynamo=False, verbose=False)  # type: ignore[arg-type]  # files are fine, says its text
    return file.getvalue()
