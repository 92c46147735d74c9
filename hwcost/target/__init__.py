"""Devices, cores, boards and runtimes: data files in which every number says where it was read."""

from hwcost.target.cited import Cited
from hwcost.target.device import INSTRUCTION_CLASSES, Board, Core, Device, Memory, Power, Timing
from hwcost.target.latency import Basis, Lanes, Latency, LinearPrice, ParallelPrice, Price, Tile
from hwcost.target.layer import Condition, LayerFacts, Term
from hwcost.target.load import Target, load_board, load_core, load_device, load_runtime
from hwcost.target.runtime import Code, Compiler, FlashModel, Functions, Kernel, RamModel, Record, Runtime, Scratch

__all__ = [
    "INSTRUCTION_CLASSES",
    "Basis",
    "Board",
    "Cited",
    "Code",
    "Compiler",
    "Condition",
    "Core",
    "Device",
    "FlashModel",
    "Functions",
    "Kernel",
    "Lanes",
    "Latency",
    "LayerFacts",
    "LinearPrice",
    "Memory",
    "ParallelPrice",
    "Power",
    "Price",
    "RamModel",
    "Record",
    "Runtime",
    "Scratch",
    "Target",
    "Term",
    "Tile",
    "Timing",
    "load_board",
    "load_core",
    "load_device",
    "load_runtime",
]
