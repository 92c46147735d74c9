"""A wrong file is told everything at once, in words that name the key, what was expected and what was got."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwcost.errors import TargetError
from hwcost.target import Board, Device, Latency, Runtime
from hwcost.target.read import dump, validate


def cited(value: Any) -> dict[str, Any]:
    return {"value": value, "source": "a datasheet"}


def device(**changes: Any) -> dict[str, Any]:
    ram = {"name": "sram", "kind": "ram", "size_bytes": cited(1024)}
    table = {"name": "mine", "title": "Mine", "vendor": "Me", "core": "cortex-m4", "clock_hz": cited(1e6), "default_runtime": "hwcost-c"}
    return {**table, "memories": [ram], **changes}


def refusal(kind: type, table: dict[str, Any]) -> str:
    with pytest.raises(TargetError) as caught:
        validate(kind, table, Path("mine.toml"))
    return str(caught.value)


def memory(**changes: Any) -> dict[str, Any]:
    return device(memories=[{"name": "sram", "kind": "ram", "size_bytes": cited(1024), **changes}])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (device(clock_hz=3), "mine.toml: clock_hz: expected a table with value, source, confirmed, got 3"),
        (device(clock_hz={"value": 1e6}), "mine.toml: clock_hz: expected key 'source', got none"),
        (device(clock_hz={"value": "1e6", "source": "s"}), "mine.toml: clock_hz.value: expected a number, got '1e6'"),
        (device(clock_hz=cited(float("nan"))), "mine.toml: clock_hz.value: expected"),
        (device(clock_hz=cited(0.0)), "mine.toml: clock_hz.value: expected at least 1000"),
        (device(clock_hz={"value": 1e6, "source": ""}), "mine.toml: clock_hz.source: expected text that is not empty, got ''"),
        (device(vender="x"), "mine.toml: unknown key 'vender' (did you mean 'vendor'?); expected one of name, title, vendor,"),
        (device(name="A Name"), "mine.toml: name: expected lower-case letters, digits, '.', '_' or '-', got 'A Name'"),
        (memory(size_bytes=cited(1.5)), "mine.toml: memories[0].size_bytes.value: expected a whole number, got 1.5"),
        (memory(size_bytes=cited(-1)), "mine.toml: memories[0].size_bytes.value: expected at least 0, got -1"),
        (memory(size_bytes=cited(True)), "mine.toml: memories[0].size_bytes.value: expected a whole number, got True"),
        (memory(kind="rom"), "mine.toml: memories[0].kind: expected 'ram' or 'flash', got 'rom'"),
        (memory(external="yes"), "mine.toml: memories[0].external: expected true or false, got 'yes'"),
        (memory(latency_ms=3), "mine.toml: memories[0]: unknown key 'latency_ms'; expected one of name, kind, size_bytes, reserved_bytes,"),
        (memory(reserved_bytes=cited(2048)), "mine.toml: memories[0]: expected reserved_bytes of at most 1024, the size, got 2048"),
        (device(memories=[]), "mine.toml: expected at least one memory of kind 'ram', got none"),
        (device(memories=device()["memories"] * 2), "mine.toml: expected memories to be named once each, got 'sram' twice"),
    ],
)
def test_one_fault_is_one_sentence(table, message):
    assert refusal(Device, table).startswith(message)


def test_all_faults_come_at_once():
    table = device(clock_hz=3, vender="x", memories=[{"name": "a", "kind": "rom", "size_bytes": {"value": "12"}}])
    lines = refusal(Device, table).splitlines()
    assert lines[0] == "mine.toml: 5 faults:"
    assert len(lines) == 6


def test_the_form_of_a_price_is_named_when_it_is_wrong():
    prices = [{"form": "linaer"}, {"form": "linear", "kinds": ["add"], "source": "s", "per_macs": 2.0}]
    basis = {"method": "fitted", "source": "measured", "rows": 3}
    text = refusal(Latency, {"runtime": "r", "core": "c", "source": "s", "basis": basis, "prices": prices})
    assert "prices[0]: expected 'form' = 'linear', 'parallel', got 'linaer'" in text
    assert "prices[1]: unknown key 'per_macs' (did you mean 'per_mac'?)" in text


def test_a_runtime_that_is_no_data_source_must_say_how_it_uses_memory():
    table = {"name": "r", "version": "1", "title": "R", "cores": ["cortex-m4"], "sources": ["s"]}
    assert "expected pointer_bytes, kernels, ram, flash, got none" in refusal(Runtime, table)
    assert validate(Runtime, {**table, "data_only": True}, Path("r.toml")).reference == "r@1"


def test_what_is_dumped_reads_back_the_same():
    noun = validate(Device, device(notes="a note"), Path("mine.toml"))
    assert validate(Device, dump(noun), Path("mine.toml")) == noun
    board = validate(Board, {"name": "b", "title": "B", "device": "mine", "reserved_bytes": {"sram": cited(10)}}, Path("b.toml"))
    assert validate(Board, dump(board), Path("b.toml")) == board
