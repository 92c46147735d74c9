"""The report as a program reads it: schema 1, described key by key in docs/json.md. Equal input gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import hwcost
from hwcost.budget import METRICS
from hwcost.checking import Report
from hwcost.cost import NodeCost
from hwcost.memory.ram import PlacedTensor
from hwcost.report.failure import Failure
from hwcost.report.findings import breaches, caveats, peak_node
from hwcost.target import Target

__all__ = ["SCHEMA", "as_object", "as_text", "description_digest"]

SCHEMA = 1
"""Raised when a key is renamed, removed or changes its meaning; keys may be added under the same number."""


def as_text(reports: Sequence[Report], failures: Sequence[Failure] = (), *, several: bool = False) -> str:
    """One report as its object; several, or one of several that were asked for, as a list of results."""
    if not several:
        (report,) = reports
        return _dumped(as_object(report))
    results: dict[str, Any] = {"schema": SCHEMA, "results": [as_object(report) for report in reports]}
    if failures:
        results["errors"] = [{"model": f.model, "target": f.target, "error": f.error} for f in failures]
    return _dumped(results)


def _dumped(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def as_object(report: Report) -> dict[str, Any]:
    """The report as plain dictionaries, lists, texts and numbers."""
    judged = report.verdict is not None
    limits = report.budget.limits()
    return {
        "schema": SCHEMA,
        "versions": _versions(report),
        "model": report.model,
        "target": _target(report.target),
        "projected_from": report.graph.projected_from,
        "cost": {metric: getattr(report.cost, metric) for metric in METRICS},
        "basis": {metric: _basis(report, metric) for metric in METRICS},
        "interval": {metric: _interval(report, metric) for metric in METRICS},
        "absent": dict(report.cost.absent),
        "lower_bound": report.cost.lower_bound,
        "budget": {metric: limits.get(metric) for metric in METRICS} if judged else None,
        "usage": {metric: report.usage.get(metric) for metric in METRICS} if judged else None,
        "confidence": report.confidence,
        "verdict": report.verdict,
        "violations": [_fields(breach, "metric", "region", "used", "limit", "worst_nodes") for breach in breaches(report)],
        "unsupported": [{"node": node, "reason": reason} for node, reason in report.cost.unsupported],
        "ram": _ram(report),
        "regions": [_fields(region, "name", "kind", "used_bytes", "reserved_bytes", "limit_bytes") for region in report.cost.regions],
        "flash": _fields(report.cost.flash, "weight_bytes", "bias_bytes", "quant_bytes", "metadata_bytes", "code_bytes"),
        "nodes": [_fields(node, *NODE) for node in report.cost.nodes],
        "float_islands": list(report.float_islands),
        "notes": [*report.graph.notes, *report.cost.remarks, *caveats(report)],
        "not_counted": list(report.cost.not_counted),
    }


NODE = tuple(field.name for field in fields(NodeCost))
PLACED = tuple(field.name for field in fields(PlacedTensor))
RAM = ("arena_bytes", "live_peak_bytes", "scratch_bytes", "io_bytes", "runtime_bytes", "stack_bytes", "reserved_bytes")


def _fields(noun: object, *names: str) -> dict[str, Any]:
    found = ((name, getattr(noun, name)) for name in names)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found}


def _versions(report: Report) -> dict[str, str | None]:
    basis = report.cost.basis.get("latency_s")
    return {
        "hwcost": hwcost.__version__,
        "target": description_digest(report.target),
        "latency_model": None if basis is None else basis.model,
    }


def description_digest(target: Target) -> str:
    """Twelve hexadecimal digits that change with any number of the target's description, since such files have no version."""
    return hashlib.sha256(repr(target).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _target(target: Target) -> dict[str, str | None]:
    return {
        "board": None if target.board is None else target.board.name,
        "device": target.device.name,
        "core": target.core.name,
        "runtime": target.runtime.reference,
    }


def _basis(report: Report, metric: str) -> dict[str, str] | None:
    basis = report.cost.basis.get(metric)
    return None if basis is None else _fields(basis, "method", "source", "model")


def _interval(report: Report, metric: str) -> list[float] | None:
    interval = report.cost.interval.get(metric)
    return None if interval is None else list(interval)


def _ram(report: Report) -> dict[str, Any]:
    ram = report.cost.ram
    return {
        **_fields(ram, *RAM),
        "planner": ram.planner,
        "bound_bytes": ram.bound_bytes,
        "optimal": ram.optimal,
        "peak_node": peak_node(report),
        "live_tensors": list(ram.live_tensors),
        "plan": [_fields(placed, *PLACED) for placed in ram.plan],
    }
