"""The report in a pull request: a table that stays a table, whatever the layers are called."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hwcost.report import comparison, markdown
from hwcost.report.failure import Failure
from hwcost.report.hints import hints


def tables(text: str) -> list[list[str]]:
    """Runs of lines that are table rows."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


class Tags(HTMLParser):
    """The tags that a page would see, ends included."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")


def tags(text: str) -> list[str]:
    parser = Tags()
    parser.feed(re.sub("`[^`]*`", "", text))
    return parser.seen


def test_verdict_table_and_folded_details(checked):
    report = checked(ram=1000)
    text = markdown.as_text(report, hints(report))
    assert text.startswith("### ❌ over: `net.onnx` on `toy`\n")
    assert "| RAM | 1.13 KiB | 1000 B | `██████████` **116 %** |" in text
    assert "- RAM 1,160 B = arena 960 + runtime 40 + stack 60 + reserved 100" in text
    assert "**What would help**" in text
    assert text.count("<details>") == text.count("</details>") == tags(text).count("details")


def test_every_row_of_a_table_has_as_many_cells_whatever_the_names(checked, hostile):
    report = checked(hostile, ram=2000)
    text = markdown.as_text(report, hints(report))
    for table in tables(text):
        assert {row.count("|") for row in table} == {table[0].count("|")}
    assert set(tags(text)) <= {"details", "/details", "summary", "/summary", "code", "/code"}
    assert tags(text).count("details") == tags(text).count("/details")
    assert not any(c in text for c in "\x1b\u202e")


def test_several_are_one_table_and_folded_reports(checked, quoted):
    reports = [checked(ram=2000), checked(ram=1000)]
    rows = comparison.rows(reports, [Failure("broken|.onnx", None, "line\nbreak | <b>")])
    text = markdown.compared(rows, [(report, hints(report)) for report in reports])
    assert len(tables(text)[0]) == 2 + 3
    assert "<summary>net.onnx on toy: over</summary>" in text
    assert "- <code>broken&#124;&#46;onnx</code>: line&#92;nbreak &#124; &#60;b&#62;" in text
