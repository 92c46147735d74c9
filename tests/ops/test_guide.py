"""The example of docs/add-an-operator.md is an operator."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROOF = """
from hwcost.ops import REGISTRY
from hwcost.tensor import int8

assert REGISTRY["thresholded_relu"] is ThresholdedRelu
assert ThresholdedRelu(0.5).work(int8(3, 4)).out_bytes == 12
assert ThresholdedRelu().flow(int8(3, 4)) == same_axes(2)
"""


def test_the_guides_example_runs(root: Path) -> None:
    guide = (root / "docs" / "add-an-operator.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    run = subprocess.run([sys.executable, "-c", example + PROOF], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_guide_names_what_exists(root: Path) -> None:
    guide = (root / "docs" / "add-an-operator.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:hwcost|tests)/[\w/.]+)`", guide)
    assert len(paths) >= 6
    assert [path for path in paths if not (root / path).exists()] == []
