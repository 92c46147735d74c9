"""The examples of the guides are valid as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hwcost.target import Target
from hwcost.target.catalogue import validate_file

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = [
    (page.name, text)
    for page in (ROOT / "docs" / "add-a-device.md", ROOT / "docs" / "add-a-runtime.md")
    for text in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]


def test_there_are_examples():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize(("page", "text"), EXAMPLES, ids=[f"{page}-{index}" for index, (page, _) in enumerate(EXAMPLES)])
def test_an_example_is_valid(page, text, tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(text, encoding="utf-8")
    validate_file(path)


def test_the_example_device_and_runtime_go_together(tmp_path):
    for _, text in EXAMPLES:
        table = tomllib.loads(text)
        (tmp_path / f"{table.get('name', table.get('core'))}.toml").write_text(text, encoding="utf-8")
    target = Target.load(tmp_path / "my-m4.toml", runtime="my-kernels@1.0")
    assert target.runtime.reference == "my-kernels@1.0"
    assert target.reserved == {"sram": 20_480}
    assert Target.load(tmp_path / "my-kit.toml").reserved == {"dram": 65_536}
