"""Names that strangers chose never reach a terminal or a page as anything but text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.report.names import LONGEST, code, escaped, prose, quoted, shortened


def test_ordinary_names_stay_as_they_are():
    name = "model/conv2d_1/Conv.weight"
    assert (escaped(name), shortened(name), quoted(name), code(name)) == (name, name, f"'{name}'", f"`{name}`")


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b[31m", r"\x1b[31m"), ("a\nb", r"a\nb"), ("\u202e", r"\u202e"), ("\udcff", r"\udcff"), ("é", "é")]
)
def test_what_does_not_print_is_written_out(text, shown):
    assert escaped(text) == shown


def test_a_long_name_keeps_both_ends():
    assert shortened("block/" * 100 + "conv", 20) == "block/bl.../block/conv"[:8] + "...lock/conv"[:12]
    assert len(shortened("x" * 10**6)) == LONGEST


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_shortened_prints_and_is_short(text):
    assert len(shortened(text)) <= LONGEST
    assert shortened(text).isprintable()


@given(st.text(alphabet="|`*_<>&#@[]()\\!~$ab \n\x1b", max_size=40))
@settings(max_examples=100)
def test_code_cannot_end_its_cell_or_begin_markup(text):
    cell = code(text)
    inner = cell[1:-1] if cell.startswith("`") else cell.removeprefix("<code>").removesuffix("</code>")
    assert not re.search(r"[|`*_<>@\[\]\\\n]", inner.replace("_", "")) or cell.startswith("`")
    assert not set("|`\n<>") & set(inner)


@pytest.mark.parametrize(
    "text", ["a|b", "<script>", "*x*", "_x_", "[a](b)", "`x`", "~~x~~", "\\", "&lt;", "http://x.y", "www.x.y", "@all", "#12"]
)
def test_prose_holds_no_markup(text):
    assert prose(text) != text
    assert prose(f"so {text} it is") != f"so {text} it is"


@pytest.mark.parametrize("text", ["max_pool under tflm@2026.10: no figure", "3.5 KiB over (1.02 times), 'conv1'"])
def test_plain_sentences_stay_as_they_are(text):
    assert prose(text) == text
