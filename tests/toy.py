"""A toy target on which every figure can be had with a pencil, and a network for it."""

from __future__ import annotations

from dataclasses import replace

from hwcost.graph import Graph, Node, Parameter
from hwcost.ops import Add, Conv2d, Dense, Reshape
from hwcost.target import (
    Basis,
    Cited,
    Core,
    Device,
    FlashModel,
    Kernel,
    Latency,
    LinearPrice,
    Memory,
    RamModel,
    Runtime,
    Scratch,
    Target,
)
from hwcost.tensor import int8

TOY = "a toy"


def cited(value: int) -> Cited[int]:
    return Cited(value, TOY)


def toy_latency() -> Latency:
    """One cycle a MAC, one an output element of everything else."""
    macs = LinearPrice("linear", ("conv2d", "dense"), TOY, per_mac=1.0)
    moves = LinearPrice("linear", ("add", "relu", "concat"), TOY, per_output_element=1.0)
    return Latency("toykit", "toycore", TOY, Basis("analytic", "published", rows=3), prices=(macs, moves))


def toy_target(ram_bytes: int = 1000, flash_bytes: int = 4000) -> Target:
    """A megahertz, one bank of RAM of which 100 bytes are the application's, one bank of flash."""
    memories = (Memory("bank", "ram", cited(ram_bytes), cited(100)), Memory("rom", "flash", cited(flash_bytes)))
    device = Device("toy", "A toy", "nobody", "toycore", Cited(1e6, TOY), memories, "toykit")
    core = Core("toycore", "A toy core", "toyisa", (), "one at a time", (TOY,))
    kernels = (
        Kernel(("conv2d", "add", "relu", "concat"), "optimised", TOY),
        Kernel(("dense",), "reference", TOY),
        Kernel(("reshape",), "free", TOY),
    )
    runtime = Runtime(
        "toykit",
        "1",
        "A toy",
        ("toycore",),
        (TOY,),
        pointer_bytes=cited(4),
        kernels=kernels,
        ram=RamModel("optimal", cited(1), runtime_bytes=cited(40), stack_bytes=cited(60)),
        scratch=(Scratch(("conv2d", "add", "relu", "concat", "dense"), TOY),),
        flash=FlashModel(cited(200), quant_bytes_per_channel=cited(8)),
        latency={"toycore": toy_latency()},
    )
    return Target(device, core, runtime)


def conv(name: str, source: str, channels: int) -> Node:
    return Node(name, Conv2d(channels, bias=False), (source,), (name,), (("weight", f"{name}.weight"),))


def network(*nodes: Node, name: str = "net") -> Graph:
    """The nodes over an input of 2 x 4 x 4 bytes; weights of int8."""
    parameters = {weight: Parameter(weight, (), 8, kind="int") for node in nodes for _, weight in node.parameters}
    sized = Graph({"x": int8(2, 4, 4)}, nodes[-1].outputs, nodes, parameters).used_parameters
    return Graph({"x": int8(2, 4, 4)}, nodes[-1].outputs, nodes, {key: replace(p, read=None) for key, (_, p) in sized.items()}, name=name)


def residual() -> Graph:
    """Three pointwise convolutions of 20 channels, a sum across the last two, a classifier of 3."""
    return network(
        conv("a", "x", 20),
        conv("b", "a", 20),
        conv("c", "b", 20),
        Node("sum", Add(), ("a", "c"), ("sum",)),
        Node("flat", Reshape.between((20, 4, 4), (320,)), ("sum",), ("flat",)),
        Node("fc", Dense(3, bias=False), ("flat",), ("fc",), (("weight", "fc.weight"),)),
    )
