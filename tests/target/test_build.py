"""The fast way into a noun gives what the validator gives."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.target import Device, Latency
from hwcost.target.build import build
from hwcost.target.read import adapter, dump, validate

cited = st.fixed_dictionaries(
    {"value": st.integers(0, 2**40), "source": st.text("abc", min_size=1, max_size=5)}, optional={"confirmed": st.booleans()}
)
speed = cited.map(lambda table: {**table, "value": table["value"] % 100 + 1})
memory = st.fixed_dictionaries(
    {"kind": st.sampled_from(["ram", "flash"]), "size_bytes": cited},
    optional={"wait_states": cited, "read_bytes_per_cycle": speed, "external": st.booleans(), "cached": st.booleans()},
)


@given(st.lists(memory, min_size=1, max_size=4))
@settings(max_examples=60)
def test_a_device_is_built_as_it_would_be_validated(memories):
    memories = [{"name": f"m{index}", **table} for index, table in enumerate(memories)]
    memories[0]["kind"] = "ram"
    clock = {"value": 1_000_000, "source": "s"}
    table = {"name": "d", "title": "D", "vendor": "V", "core": "c", "clock_hz": clock, "default_runtime": "r", "memories": memories}
    built = build(Device, table)
    assert built == validate(Device, table, Path("d.toml"))
    assert isinstance(built.clock_hz.value, float)
    assert build(Device, dump(built)) == built


def test_prices_are_told_apart_by_their_form():
    text = """
    runtime = "r"
    core = "c"
    source = "s"
    macs_range = [1, 2]
    basis = { method = "fitted", source = "measured", rows = 2 }
    [[prices]]
    form = "parallel"
    kinds = ["conv2d"]
    source = "s"
    tile = { height = 8 }
    [[prices]]
    form = "linear"
    kinds = ["add"]
    source = "s"
    per_mac = 2
    when = { kernel = [1, 1] }
    """
    table = tomllib.loads(text)
    built = build(Latency, table)
    assert [price.form for price in built.prices] == ["parallel", "linear"]
    assert built == adapter(Latency).validate_python(table)
    assert built.macs_range == (1, 2)
