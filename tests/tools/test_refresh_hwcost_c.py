"""The sizes of generated kernels that are shipped are those that the pinned compiler makes now."""

import subprocess
import sys

import pytest

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_the_stated_sizes_are_up_to_date(root, core):
    command = [sys.executable, root / "tools/refresh_hwcost_c.py", "--check", "--core", core]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), f"run tools/refresh_hwcost_c.py: {done.stdout}{done.stderr}"
