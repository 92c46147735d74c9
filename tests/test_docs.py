"""What the documents say can be followed: links lead somewhere, and what they show to be typed is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwcost.budget import Budget

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path):
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_index_names_every_document():
    links = LINK.findall((ROOT / "docs/index.md").read_text(encoding="utf-8"))
    named = {(ROOT / "docs" / link).resolve() for link in links}
    assert [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "index.md" and path not in named] == []


def test_the_budget_in_the_readme_loads(tmp_path: Path):
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "budget.toml").write_text(block)
    assert Budget.load(tmp_path / "budget.toml") == Budget(latency_s=0.05, ram_bytes=131072, flash_bytes=524288, energy_j=0.002)
