"""The JSON contract: keys, types, order and bytes. docs/json.md is the same in words, and is held against it here."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from types import NoneType
from typing import Any

import pytest

from hwcost.report.failure import Failure
from hwcost.report.json import SCHEMA, as_object, as_text, description_digest
from tests.toy import toy_target

NUMBER = (int, float)
METRICS = ("latency_s", "ram_bytes", "flash_bytes", "energy_j")


def each(kind: Any) -> dict[str, Any]:
    return dict.fromkeys(METRICS, kind)


MAYBE_NUMBER = (int, float, NoneType)
MAYBE_TEXT = (str, NoneType)

CONTRACT: dict[str, Any] = {
    "schema": int,
    "versions": {"hwcost": str, "target": str, "latency_model": MAYBE_TEXT},
    "model": str,
    "target": {"board": MAYBE_TEXT, "device": str, "core": str, "runtime": str},
    "projected_from": MAYBE_TEXT,
    "cost": each(MAYBE_NUMBER),
    "basis": each(({"method": str, "source": str, "model": str}, NoneType)),
    "interval": each(([NUMBER], NoneType)),
    "absent": {"energy_j": str},
    "lower_bound": bool,
    "budget": (each(MAYBE_NUMBER), NoneType),
    "usage": (each(MAYBE_NUMBER), NoneType),
    "confidence": MAYBE_NUMBER,
    "verdict": MAYBE_TEXT,
    "violations": [{"metric": str, "region": MAYBE_TEXT, "used": NUMBER, "limit": NUMBER, "worst_nodes": [str]}],
    "unsupported": [{"node": str, "reason": str}],
    "ram": {
        "arena_bytes": int,
        "live_peak_bytes": int,
        "scratch_bytes": int,
        "io_bytes": int,
        "runtime_bytes": int,
        "stack_bytes": int,
        "reserved_bytes": int,
        "planner": str,
        "bound_bytes": int,
        "optimal": bool,
        "peak_node": MAYBE_TEXT,
        "live_tensors": [str],
        "plan": [{"tensor": str, "region": str, "offset": int, "size": int, "start": int, "stop": int}],
    },
    "regions": [{"name": str, "kind": str, "used_bytes": int, "reserved_bytes": int, "limit_bytes": int}],
    "flash": {"weight_bytes": int, "bias_bytes": int, "quant_bytes": int, "metadata_bytes": int, "code_bytes": int},
    "nodes": [
        {
            "name": str,
            "op": str,
            "kernel": str,
            "macs": int,
            "params": int,
            "weight_bytes": int,
            "weight_region": MAYBE_TEXT,
            "out_bytes": int,
            "latency_s": MAYBE_NUMBER,
            "live_bytes": int,
        }
    ],
    "float_islands": [str],
    "notes": [str],
    "not_counted": [str],
}


def faults(value: Any, form: Any, path: str = "$") -> list[str]:
    """Where a value differs from its form: a type, a dictionary of forms, a list of one form, or a choice of these."""
    if isinstance(form, tuple):
        return [] if any(not faults(value, choice, path) for choice in form) else [f"{path}: {value!r} is none of {form}"]
    if isinstance(form, dict):
        if not isinstance(value, dict) or list(value) != list(form):
            return [f"{path}: keys {list(value) if isinstance(value, dict) else value!r}, expected {list(form)}"]
        return [fault for key in form for fault in faults(value[key], form[key], f"{path}.{key}")]
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [fault for i, item in enumerate(value) for fault in faults(item, form[0], f"{path}[{i}]")]
    return [] if type(value) is form else [f"{path}: {value!r} is no {form.__name__}"]


def test_a_verdict_has_every_key_in_its_order_and_type(checked):
    found = as_object(checked(ram=1000, latency_s=0.001))
    assert faults(found, CONTRACT) == []
    assert found["violations"]
    assert found["budget"] == {"latency_s": 0.001, "ram_bytes": 1000, "flash_bytes": 4000, "energy_j": None}
    assert found["usage"]["ram_bytes"] == 1.16


def test_a_cost_has_the_same_keys_and_no_judgement(quoted):
    found = as_object(quoted)
    assert faults(found, CONTRACT) == []
    assert (found["budget"], found["usage"], found["verdict"], found["violations"]) == (None, None, None, [])


def test_the_contract_test_can_fail(quoted):
    found = as_object(quoted)
    assert faults({**found, "extra": 1}, CONTRACT)
    assert faults({**found, "verdict": 1}, CONTRACT) == ["$.verdict: 1 is none of (<class 'str'>, <class 'NoneType'>)"]


def test_intervals_regions_and_left_out_layers_keep_the_types(checked):
    report = checked(ram=1000)
    cost = replace(report.cost, interval={"latency_s": (1.0, 2.0)}, unsupported=(("fc", "no kernel"),), not_counted=("x",))
    found = as_object(replace(report, cost=cost, confidence=0.9, float_islands=("a",)))
    assert faults(found, CONTRACT) == []
    assert (found["interval"]["latency_s"], found["lower_bound"], found["unsupported"]) == (
        [1.0, 2.0],
        True,
        [{"node": "fc", "reason": "no kernel"}],
    )


def test_the_arithmetic_of_the_object_adds_up(quoted):
    found = as_object(quoted)
    ram = found["ram"]
    summands = ("arena_bytes", "io_bytes", "runtime_bytes", "stack_bytes", "reserved_bytes")
    assert sum(ram[key] for key in summands) == found["cost"]["ram_bytes"]
    assert sum(found["flash"].values()) == found["cost"]["flash_bytes"]
    assert math.fsum(node["latency_s"] or 0 for node in found["nodes"]) == pytest.approx(found["cost"]["latency_s"])


def test_equal_input_gives_equal_bytes(checked):
    texts = {as_text([checked(ram=1000)]) for _ in range(3)}
    assert len(texts) == 1
    (text,) = texts
    assert text.endswith("}\n")
    assert text.isascii()
    assert json.loads(text)["schema"] == SCHEMA


def test_several_are_a_list_even_when_one_is_left(quoted):
    several = json.loads(as_text([quoted, quoted], several=True))
    assert (list(several), len(several["results"])) == (["schema", "results"], 2)
    assert several["results"][0] == json.loads(as_text([quoted]))
    left = json.loads(as_text([quoted], [Failure("b.onnx", None, "no ONNX model")], several=True))
    assert left["errors"] == [{"model": "b.onnx", "target": None, "error": "no ONNX model"}]


def test_hostile_names_survive_the_round_trip(checked, hostile):
    found = json.loads(as_text([checked(hostile, ram=2000)]))
    assert found["nodes"][1]["name"] == "@all #1\n\u202e"


def test_the_digest_changes_with_any_number_of_the_target():
    assert description_digest(toy_target()) == description_digest(toy_target())
    assert description_digest(toy_target()) != description_digest(toy_target(ram_bytes=1001))
    assert re.fullmatch("[0-9a-f]{12}", description_digest(toy_target()))


def keys_of(form: Any) -> set[str]:
    if isinstance(form, dict):
        return set(form) | {key for inner in form.values() for key in keys_of(inner)}
    return {key for inner in form for key in keys_of(inner)} if isinstance(form, list | tuple) else set()


def test_every_key_is_described(root):
    text = (root / "docs" / "json.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`(\w+)`", text))
    assert sorted(keys_of(CONTRACT) - described) == []
