from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost import quantities as q
from hwcost.errors import InputError

FLOATS = {
    "seconds": (q.parse_seconds, q.format_seconds, q.human_seconds),
    "joules": (q.parse_joules, q.format_joules, q.human_joules),
    "hertz": (q.parse_hertz, q.format_hertz, q.human_hertz),
    "watts": (q.parse_watts, q.format_watts, q.human_watts),
}
PARSERS = [*(parse for parse, _, _ in FLOATS.values()), q.parse_bytes]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (q.parse_seconds, "50ms", 0.05),
        (q.parse_seconds, "0.05s", 0.05),
        (q.parse_seconds, " .05 s ", 0.05),
        (q.parse_seconds, "5e1 ms", 0.05),
        (q.parse_seconds, "20us", 2e-5),
        (q.parse_seconds, "20µs", 2e-5),
        (q.parse_seconds, "20μs", 2e-5),
        (q.parse_seconds, "7ns", 7e-9),
        (q.parse_seconds, "2min", 120.0),
        (q.parse_bytes, "128KiB", 131072),
        (q.parse_bytes, "128kB", 128000),
        (q.parse_bytes, "1.5MB", 1_500_000),
        (q.parse_bytes, "0.5KiB", 512),
        (q.parse_bytes, "+3 B", 3),
        (q.parse_bytes, "2MiB", 2 * 1024**2),
        (q.parse_bytes, "1GiB", 1024**3),
        (q.parse_bytes, "9223372036854775807B", 2**63 - 1),
        (q.parse_joules, "2mJ", 0.002),
        (q.parse_joules, "150uJ", 150e-6),
        (q.parse_hertz, "120MHz", 120e6),
        (q.parse_hertz, "32.768kHz", 32768.0),
        (q.parse_watts, "45mW", 0.045),
    ],
)
def test_reads(parse, text, value):
    assert parse(text) == value
    assert type(parse(text)) is type(value)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("50", "has no unit"),
        ("0", "has no unit"),
        ("nan", "not a finite number"),
        ("NaN ms", "not a finite number"),
        ("inf", "not a finite number"),
        ("-infinity s", "not a finite number"),
        ("fast", "not a number with a unit"),
        ("50furlongs", "the unknown unit 'furlongs'"),
        ("5 m s", "the unknown unit 'm s'"),
        ("1_000", "the unknown unit '_000'"),
        ("\N{ARABIC-INDIC DIGIT FIVE}ms", "not a number with a unit"),
        ("9" * 10_000, "of 10000 characters"),
    ],
)
def test_refuses_what_is_no_quantity(parse, text, fault):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert fault in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("parse", "unit"),
    [(q.parse_seconds, "ms"), (q.parse_bytes, "KiB"), (q.parse_joules, "mJ"), (q.parse_hertz, "MHz"), (q.parse_watts, "W")],
)
def test_refuses_zero_and_negative(parse, unit):
    for number in ("0", "-0", "0.000", "0e5"):
        with pytest.raises(InputError, match="is zero"):
            parse(number + unit)
    with pytest.raises(InputError, match="is negative"):
        parse("-5" + unit)


@pytest.mark.parametrize("given", [50, 0.05, None, True, b"50ms", 16**10_000], ids=lambda given: type(given).__name__)
def test_refuses_numbers_that_lost_their_unit(given):
    with pytest.raises(InputError, match="has no unit; expected a text such as '50ms'"):
        q.parse_seconds(given)


def test_bytes_are_whole_and_fit_a_machine():
    with pytest.raises(InputError, match=r"'0.3B' is 0.3 bytes; expected a whole number"):
        q.parse_bytes("0.3B")
    with pytest.raises(InputError, match=r"beyond 2\^63 - 1"):
        q.parse_bytes("1e30GiB")


def test_numbers_no_float_holds_are_refused():
    with pytest.raises(InputError, match="too large"):
        q.parse_seconds("1e999s")
    with pytest.raises(InputError, match="too small"):
        q.parse_seconds("1e-999s")


@pytest.mark.parametrize(
    ("parse", "text", "hint"),
    [
        (q.parse_bytes, "64KB", "write '64KiB' for powers of 1024 or '64kB' for powers of 1000"),
        (q.parse_bytes, "64k", "write '64KiB' for powers of 1024 or '64kB' for powers of 1000"),
        (q.parse_bytes, "1.5M", "write '1.5MiB' for powers of 1024 or '1.5MB' for powers of 1000"),
        (q.parse_bytes, "64kib", "did you mean '64KiB'?"),
        (q.parse_seconds, "50msec", "did you mean '50ms'?"),
        (q.parse_seconds, "50MS", "did you mean '50ms'?"),
        (q.parse_hertz, "120mhz", "did you mean '120MHz'?"),
        (q.parse_seconds, "50ms", None),
    ],
)
def test_a_near_miss_says_what_to_write(parse, text, hint):
    if hint is None:
        assert parse(text) == 0.05
        return
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize("name", FLOATS)
@given(value=st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False))
@settings(max_examples=60)
def test_what_is_written_reads_back_exactly(name, value):
    parse, write, _ = FLOATS[name]
    assert parse(write(value)) == value


@given(size_bytes=st.integers(1, 2**63 - 1))
@settings(max_examples=60)
def test_written_bytes_read_back_exactly(size_bytes):
    assert q.parse_bytes(q.format_bytes(size_bytes)) == size_bytes


@given(text=st.text(max_size=80))
@settings(max_examples=100)
def test_any_text_is_read_or_refused_in_words(text):
    for parse in PARSERS:
        with contextlib.suppress(InputError):
            assert parse(text) > 0


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (q.format_seconds, 0.05, "50ms"),
        (q.format_seconds, 1.0, "1s"),
        (q.format_seconds, 43.19e-3, "43.19ms"),
        (q.format_bytes, 131072, "128KiB"),
        (q.format_bytes, 1000, "1000B"),
        (q.format_bytes, 0, "0B"),
        (q.format_joules, 0.002, "2mJ"),
        (q.format_hertz, 120e6, "120MHz"),
        (q.format_watts, 0.045, "45mW"),
        (q.human_seconds, 0.16514, "165 ms"),
        (q.human_seconds, 0.00526, "5.26 ms"),
        (q.human_seconds, 0.9996, "1.00 s"),
        (q.human_seconds, 0.0, "0 s"),
        (q.human_seconds, 1234.5, "1234 s"),
        (q.human_bytes, 55296, "54.0 KiB"),
        (q.human_bytes, 768, "768 B"),
        (q.human_bytes, 0, "0 B"),
        (q.human_bytes, 1024 * 1024 - 1, "1.00 MiB"),
        (q.human_bytes, 1023 * 1024, "1023 KiB"),
        (q.human_joules, 0.00243, "2.43 mJ"),
        (q.human_hertz, 120e6, "120 MHz"),
        (q.human_watts, 0.0451, "45.1 mW"),
    ],
)
def test_writes(write, value, text):
    assert write(value) == text


@given(value=st.floats(1e-9, 1e6))
@settings(max_examples=60)
def test_three_digits_are_within_half_a_per_cent(value):
    for parse, _, human in FLOATS.values():
        assert parse(human(value)) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_writing_refuses_what_no_quantity_can_be(value):
    for write in (q.format_seconds, q.human_seconds, q.human_bytes):
        with pytest.raises(ValueError, match="finite and not negative"):
            write(value)
