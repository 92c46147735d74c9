"""What a module of the zoo is, and how one is added."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Specimen:
    """A module, inputs for it, and the exporters that keep it whole: one unrolls a plain RNN, the other knows no RMS norm."""

    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Tensor, ...]]
    exporters: tuple[str, ...] = ("dynamo", "legacy")

    def seeded(self) -> tuple[nn.Module, tuple[Tensor, ...]]:
        """The module in evaluation mode and its inputs, the same numbers every time, none of them a 0 or 1 that an exporter leaves out."""
        torch.manual_seed(0)
        module = self.make().eval()
        for name, values in module.state_dict().items():
            if values.is_floating_point() and bool((values == values.flatten()[0]).all()):
                nn.init.uniform_(values, 0.5, 2.0) if "var" in name or values.flatten()[0] > 0 else nn.init.uniform_(values, -1.0, 1.0)
        return module, self.inputs()

    def outputs(self) -> list[Tensor]:
        """What the module makes of its inputs, in order, without the batch."""
        return outputs_of(*self.seeded())


def outputs_of(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """The tensors a module makes, in order, without the batch."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch remarks that an even kernel with "same" padding copies its input
        made = module(*inputs)
    parts = made.values() if isinstance(made, dict) else made if isinstance(made, tuple | list) else [made]
    return [part[0] for part in parts]


ZOO: dict[str, Specimen] = {}


def keep(name: str, make: Callable[[], nn.Module], *shapes: tuple[int, ...], only: str | None = None) -> None:
    """Add a module with float inputs of these shapes, the batch left out; `only`: the one exporter that keeps it as it is."""
    exporters = ("dynamo", "legacy") if only is None else (only,)
    ZOO[name] = Specimen(name, make, lambda: tuple(torch.randn(1, *shape) for shape in shapes), exporters)


def specimen(*shapes: tuple[int, ...], only: str | None = None) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Add a module class."""

    def add(cls: type[nn.Module]) -> type[nn.Module]:
        keep(cls.__name__, cls, *shapes, only=only)
        return cls

    return add


def conv_bn(n: int, m: int, kernel: int = 3, **more: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n, m, kernel, padding=kernel // 2, bias=False, **more), nn.BatchNorm2d(m))
