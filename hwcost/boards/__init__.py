"""Boards run an image and say what it cost: an emulated core, or a real one over a serial line. They know nothing of networks."""

from hwcost.boards.base import Board, FunctionRun, Run
from hwcost.boards.emulated import EmulatedBoard

__all__ = ["Board", "EmulatedBoard", "FunctionRun", "Run"]
