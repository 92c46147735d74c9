"""How long deploying takes, and how fast a core is emulated: what a user waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hwcost.boards import EmulatedBoard
from hwcost.deploy.build import Image
from hwcost.target import Core

COMMAND = "import sys; from hwcost.cli import main; sys.exit(main())"
RUNS = 8


def instructions_a_second(image: Image, core: Core, input_bytes: int, output_bytes: int) -> float:
    """Executed instructions of whole inferences by the clock on the wall, counting and cycles included; the best of a few."""
    board = EmulatedBoard(core)
    board.load(image.elf)
    noise = np.random.default_rng(0).integers(-128, 128, input_bytes).astype(np.int8).tobytes()
    places = (board.buffer(noise), board.buffer(output_bytes))
    best = 0.0
    for _ in range(RUNS):
        start = time.perf_counter()
        ran = board.call("model_run", places)
        best = max(best, ran.instructions / (time.perf_counter() - start))
    return best


def seconds_of_deploying(model: Path, device: str, folder: Path) -> tuple[float, float]:
    """`hwcost deploy --run` in a process of its own: with a compiler that was never used before, and once more over what that left."""
    cache = str(folder / "compiler cache")
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    command = [sys.executable, "-c", COMMAND, "deploy", str(model), "--target", device, "--output", str(folder / "project"), "--run"]
    cold, warm = (_seconds(command, environment) for _ in range(2))
    return cold, warm


def _seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start
