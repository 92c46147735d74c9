"""A board to try `--board serial:` with, without hardware: an emulated core behind a pseudo-terminal runs a project's own firmware.

In one terminal: python tools/serial_board.py int8.onnx --target stm32l4r5 --output build_dir; it prints the port. In another, with the
same arguments: hwcost deploy int8.onnx --target stm32l4r5 --output build_dir --run --board serial:PORT. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hwcost.boards.wired import WiredBoard
from hwcost.errors import HwcostError
from hwcost.target import Target
from hwcost.verify.asked_run import serial_image
from hwcost.verify.deployment import Order, write


def serve(order: Order) -> None:
    project = write(order).project
    core, clock_hz = order.target.core, order.target.clock_hz
    image = serial_image(project, core, "serial", WiredBoard.defines(core, clock_hz))
    with WiredBoard(core, image.elf, clock_hz) as board:
        print(f"serial:{board.port}", flush=True)
        board.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--optimise", choices=("time", "flash", "balanced"), default="balanced")
    given = parser.parse_args()
    try:
        serve(Order(given.model, Target.load(given.target, "hwcost-c"), given.output, optimise=given.optimise))
    except KeyboardInterrupt:
        return 0
    except HwcostError as error:
        print(f"serial_board: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
