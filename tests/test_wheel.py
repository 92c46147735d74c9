"""What a user installs: the wheel, built here, installed elsewhere, and asked for its targets from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hwcost


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it and nothing else; its dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def run_from(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HWCOST_")}
    env |= {"PYTHONPATH": str(installed), "COLUMNS": "200"}
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True)


def test_the_wheel_holds_the_package_its_data_and_its_licence(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"hwcost-{hwcost.__version__}-py3-none-any.whl"
    assert {"hwcost/__init__.py", "hwcost/py.typed"} <= set(names)
    for kind in ("devices", "boards", "cores", "runtimes"):
        assert any(name.startswith(f"hwcost/_data/targets/{kind}/") for name in names)
    assert any(name.startswith("hwcost/_data/measurements/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names} == {"hwcost", f"hwcost-{hwcost.__version__}.dist-info"}


def test_the_installed_copy_is_the_one_that_runs_and_finds_its_own_data(installed: Path, tmp_path: Path):
    code = "import hwcost.shipped as s; print(s.targets_folder(), s.measurements_folder(), sep='\\n')"
    done = run_from(installed, tmp_path, "-c", code)
    assert done.stdout.splitlines() == [str(installed / "hwcost/_data/targets"), str(installed / "hwcost/_data/measurements")]


def test_the_installed_command_lists_every_shipped_target(installed: Path, root: Path, tmp_path: Path):
    done = run_from(installed, tmp_path, str(installed / "bin/hwcost"), "targets", "list")
    assert done.returncode == 0, done.stderr
    devices = [path.stem for path in (root / "targets/devices").glob("*.toml")]
    assert devices
    assert [name for name in devices if name not in done.stdout] == []


def test_a_checkout_finds_the_folders_beside_the_package(root: Path):
    from hwcost import shipped

    assert (shipped.targets_folder(), shipped.measurements_folder()) == (root / "targets", root / "measurements")
