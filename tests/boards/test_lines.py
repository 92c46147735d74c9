"""The lines of the serial protocol: what is made is read back, and what was damaged is never believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwcost.boards.lines import LINE_BYTES, LayerCycles, Message, framed, messages, read_session, session
from hwcost.errors import InputError

IDENTITY = {
    "protocol": 1,
    "device": "stm32l4r5",
    "core": "cortex-m4",
    "clock_hz": 120_000_000,
    "model": "0123abcd",
    "inputs": "3072,16",
    "outputs": "10",
    "layers": 2,
}


def said(word, **values) -> str:
    return framed(word, **values).decode()


def layer(index, name="conv", cycles=100, most=110, repeats=5) -> str:
    return said("layer", index=index, name=name, cycles=cycles, most=most, repeats=repeats)


def test_the_checksum_is_the_published_one():
    # The published check value of CRC-16/CCITT from 0xFFFF, of the text "123456789".
    assert framed("123456789") == b"$123456789*29B1\n"


@given(st.text(max_size=20), st.integers(0, 2**63))
def test_what_is_framed_is_read_back(name, number):
    ((line, message),) = messages([said("layer", name=name, cycles=number)])
    assert (line, message) == (1, Message("layer", {"name": name.encode("utf-8", "replace").decode(), "cycles": str(number)}))


@given(st.data())
def test_no_single_damaged_character_is_believed(data):
    line = layer(7, "block/1/conv", 123_456, 123_999, 5).rstrip()
    place = data.draw(st.integers(1, len(line) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda c: c.lower() != line[place].lower()))
    try:
        found = list(messages([line[:place] + other + line[place + 1 :]]))
    except InputError:
        return
    assert found == []


def test_a_log_of_a_terminal():
    lines = ["boot 1.2\r\n", said("identity", **IDENTITY), "[12:00:01] " + layer(1, "b").strip() + "\r\n", layer(0, "a c"), ""]
    found = session([*lines, said("layers", count=2), said("clock", cycles=5, hz=100)])
    assert [(timed.index, timed.name) for timed in found.layers] == [(0, "a c"), (1, "b")]
    assert found.identity.inputs == (3072, 16)
    assert found.complete
    assert found.clocks == ((5, 100),)


def test_a_session_that_was_cut_off_is_not_complete_and_a_layer_timed_again_counts_once():
    found = session([layer(0), layer(0, cycles=90)])
    assert found.layers == (LayerCycles(0, "conv", 90, 110, 5),)
    assert not found.complete


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$layer index=0 name=a cyc", "line 1 is cut off or damaged"),
        (layer(0).replace("100", "900"), "line 1 was damaged on its way"),
        (layer(0, cycles=-1), "line 1: expected a whole number for cycles="),
        (layer(0, cycles=5, most=4), "line 1: layer 0 cannot be"),
        (layer(0, repeats=0), "line 1: layer 0 cannot be"),
        (said("layer", index=1), "line 1: expected cycles= in the line 'layer'"),
        (said("identity", **{**IDENTITY, "protocol": 9}), "line 1: the board speaks version 9"),
        (said("identity", **{**IDENTITY, "clock_hz": 0}), "line 1: the board says its clock is 0 Hz"),
        ("$layer index=" + "9" * 5000 + "*0000", "line 1 is cut off or damaged"),
    ],
)
def test_lines_that_cannot_be_are_refused(line, message):
    with pytest.raises(InputError) as caught:
        session([line])
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


def test_a_line_longer_than_the_protocol_has_is_not_made():
    with pytest.raises(ValueError, match=str(LINE_BYTES)):
        framed("input", hex="0" * LINE_BYTES)


def test_a_log_with_nothing_of_ours_is_refused(tmp_path):
    (tmp_path / "log.txt").write_text("hello\n")
    with pytest.raises(InputError, match=r"2 faults:\s+no \$identity line\s+no \$layer line"):
        read_session(tmp_path / "log.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_session(tmp_path / "none.txt")
