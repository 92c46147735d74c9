"""How long `hwcost check` takes from a cold shell, and how much memory.

Each command is a process of its own, bytecode already compiled as after an installation. Times are medians, runs of the commands
compared are interleaved, memory is the largest resident set of the process. The int8 ResNet-8 is the trained one where the
optional data folder is there (HWCOST_SHARED), else one made here with the same layers. The cost of a loaded graph is arithmetic in one
thread, so its processor time is given: it is the wall time of a machine that does nothing else.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from figures import Figure, arguments, machine, report
from made_networks import large_float, many_nodes, resnet8_int8

ROOT = Path(__file__).resolve().parent.parent
TARGET = "stm32l4r5"
LIMITS = ("--max-ram", "64KiB", "--max-flash", "128KiB", "--max-latency", "200ms")
MIB = 1 << 20

CHECK = [sys.executable, "-m", "hwcost.cli", "check"]
BARE = [sys.executable, "-c", "import onnx, numpy"]
ONNX_TOOL_CODE = """
import sys
import numpy, onnx, onnx_tool
given = onnx.load(sys.argv[1]).graph.input[0]
shape = [size.dim_value or 1 for size in given.type.tensor_type.shape.dim]
kind = onnx.helper.tensor_dtype_to_np_dtype(given.type.tensor_type.elem_type)
onnx_tool.model_profile(sys.argv[1], {given.name: numpy.zeros(shape, kind)})
"""
ONNX_TOOL = [sys.executable, "-c", ONNX_TOOL_CODE]
LOADED = [sys.executable, "-c", "import sys; from hwcost.cli import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"]
COST = """
import statistics, sys, time
from dataclasses import replace
from hwcost.cost import estimate
from hwcost.frontends.from_onnx import from_onnx
from hwcost.target import Target
graph, target, times = from_onnx(sys.argv[1]), Target.load(sys.argv[2]), []
for _ in range(31):
    fresh = replace(graph)  # nothing of the last walk is kept
    start = time.process_time()
    estimate(fresh, target)
    times.append(time.process_time() - start)
print(statistics.median(times))
"""


@dataclass(frozen=True)
class Run:
    """One process: how long it took, and the most memory it held."""

    seconds: float
    peak_bytes: int
    exit_code: int


def run(command: Sequence[str], environment: dict[str, str]) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    kib = 1 if sys.platform == "darwin" else 1024
    return Run(time.perf_counter() - start, usage.ru_maxrss * kib, process.returncode)


def medians(commands: dict[str, Sequence[str]], runs: int, environment: dict[str, str]) -> dict[str, Run]:
    """The median of each command, the commands taking turns; a first round fills the caches and does not count."""
    rounds = [{name: run(command, environment) for name, command in commands.items()} for _ in range(runs + 1)][1:]
    return {
        name: Run(
            statistics.median(each[name].seconds for each in rounds),
            max(each[name].peak_bytes for each in rounds),
            max(each[name].exit_code for each in rounds),
        )
        for name in commands
    }


def compiled(folder: Path) -> dict[str, str]:
    """An environment in which bytecode is kept, wherever the surroundings forbid it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join(part for part in (str(ROOT), environment.get("PYTHONPATH")) if part)
    return {**environment, "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONPATH": path}


def resnet8(folder: Path) -> tuple[Path, str]:
    shared = Path(os.environ.get("HWCOST_SHARED") or ROOT.parent / "shared") / "models" / "mlperf_tiny_resnet8_int8_qdq.onnx"
    return (shared, "trained") if shared.is_file() else (resnet8_int8(folder / "resnet8.onnx"), "made here")


def elsewhere(make: Callable[[Path, int], Path], path: Path, size: int) -> Path:
    """A file made in another process: Linux counts the memory of the process that starts a command as the command's own peak."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(make, path, size).result()


def checked(model: Path) -> list[str]:
    return [*CHECK, str(model), "--target", TARGET]


def measured(folder: Path, runs: int) -> tuple[list[Figure], dict[str, object]]:
    environment = compiled(folder)
    model, origin = resnet8(folder)
    commands = {"check": [*checked(model), *LIMITS], "fits": checked(model), "bare": BARE}
    tool = importlib.metadata.version("onnx-tool") if importlib.util.find_spec("onnx_tool") else None
    if tool is not None:
        commands["onnx-tool"] = [*ONNX_TOOL, str(model)]
    small = medians(commands, runs, environment)
    files = {
        "thousand": elsewhere(many_nodes, folder / "many.onnx", 1000),
        "100 MB": elsewhere(large_float, folder / "large.onnx", 100_000_000),
    }
    large = medians({name: checked(file) for name, file in files.items()}, max(1, runs // 4), environment)
    refused = [name for name, found in {**small, **large}.items() if name != "onnx-tool" and found.exit_code not in (0, 1)]
    if refused:
        raise SystemExit(f"bench_check: hwcost gave no verdict for {', '.join(refused)}")
    loaded = run([*LOADED, *checked(model)[len(CHECK) - 1 :]], environment)
    cost_s = float(
        subprocess.run([sys.executable, "-c", COST, model, TARGET], env=environment, cwd=ROOT, check=True, capture_output=True).stdout
    )
    figures = [
        Figure("check ResNet-8, times a bare import of onnx and numpy", small["check"].seconds / small["bare"].seconds, "x", 3.0),
        Figure("the same where everything fits", small["fits"].seconds / small["bare"].seconds, "x", 3.0),
        Figure("check ResNet-8", small["check"].seconds, "s"),
        Figure("bare import of onnx and numpy", small["bare"].seconds, "s"),
        Figure("check ResNet-8, peak memory", small["check"].peak_bytes / MIB, "MiB", 100.0),
        Figure("bare import, peak memory", small["bare"].peak_bytes / MIB, "MiB"),
        Figure("torch imported by check", float(loaded.exit_code), "", 0.0),
        Figure("cost of the loaded graph, processor time", cost_s * 1000, "ms", 5.0),
        Figure("check 1,000 nodes", large["thousand"].seconds, "s", 2.0),
        Figure("check 100 MB of floats, peak memory", large["100 MB"].peak_bytes / MIB, "MiB", 400.0),
        Figure("check 100 MB of floats", large["100 MB"].seconds, "s"),
    ]
    if tool is not None and small["onnx-tool"].exit_code == 0:
        figures.append(Figure("onnx-tool: profile of ResNet-8", small["onnx-tool"].seconds, "s"))
        figures.append(Figure("onnx-tool: peak memory", small["onnx-tool"].peak_bytes / MIB, "MiB"))
    return figures, {**machine(), "resnet8": origin, "runs": runs, "onnx-tool": tool or "not installed"}


def main() -> int:
    options = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures, conditions = measured(Path(folder), 31 if options.full else 9)
    return report(figures, conditions, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
