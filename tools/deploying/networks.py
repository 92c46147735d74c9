"""int8 networks to deploy: the reference networks with seeded weights, and small random ones."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwcost.deploy.quantise import quantise
from hwcost.tasks import reference_network

REFERENCE = ("resnet8", "mobilenetv1", "dscnn", "autoencoder", "digits")
SAMPLES = 16
INPUT = "input"


def reference_networks(folder: Path, names: Sequence[str] = REFERENCE) -> dict[str, Path]:
    """int8 files of the reference networks by name, made in the folder unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _kept(folder / f"{name}_int8.onnx", name) for name in names}


def _kept(path: Path, name: str) -> Path:
    if not path.exists():
        with torch.random.fork_rng():
            torch.manual_seed(8)
            network, example = reference(name)
            write_int8(network, tuple(example.shape[1:]), path, seed=8)
    return path


def reference(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A reference network and one input; `digits` is the network its task is searched with."""
    if name == "digits":
        from hwcost.tasks import task_named

        task = task_named("digits")
        return task.network(), task.example_input()
    network = reference_network(name)
    return network, network.example_input()


def write_int8(network: nn.Module, shape: Sequence[int], path: Path, seed: int) -> Path:
    """The network, its statistics set by noise, exported and quantised on noise."""
    rng = np.random.default_rng(seed)
    settle(network, shape, rng)
    floats = path.with_name(f"{path.stem}.float.onnx")
    floats.write_bytes(as_onnx(network.eval(), torch.zeros(1, *shape)))
    try:
        quantise(floats, {INPUT: rng.standard_normal((SAMPLES, *shape)).astype(np.float32)}, path)
    finally:
        floats.unlink()
    return path


def settle(network: nn.Module, shape: Sequence[int], rng: np.random.Generator) -> None:
    """Batch norms get the statistics of a few batches of noise, and scales that differ, as training leaves them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    network.train()
    with torch.no_grad():
        for _ in range(8):
            network(torch.from_numpy(rng.standard_normal((8, *shape)).astype(np.float32)))


def as_onnx(network: nn.Module, example: torch.Tensor) -> bytes:
    """The network as an ONNX file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (example,), file, dynamo=False, verbose=False, input_names=[INPUT], opset_version=17)
    return file.getvalue()


def random_networks(n: int, seed: int, folder: Path) -> list[Path]:
    """n small int8 networks of random layers: the same for the same seed, kept in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"random_{seed}_{i}.onnx" for i in range(n)]
    for i, path in enumerate(paths):
        if not path.exists():
            with torch.random.fork_rng():
                torch.manual_seed(seed * 100_003 + i)
                network = RandomNetwork(np.random.default_rng([seed, i]))
                write_int8(network, network.shape, path, seed=seed + i)
    return paths


class RandomNetwork(nn.Module):
    """A few blocks of random kinds and sizes, then a pool over all places and a dense layer."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        side = int(rng.integers(8, 21))
        channels = int(rng.integers(1, 5))
        self.shape = (channels, side, int(rng.integers(8, 21)))
        blocks: list[nn.Module] = []
        for _ in range(int(rng.integers(2, 6))):
            block, channels = random_block(rng, channels)
            blocks.append(block)
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(channels, int(rng.integers(2, 13)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(torch.flatten(self.pool(self.blocks(x)), 1))


def random_block(rng: np.random.Generator, channels: int) -> tuple[nn.Module, int]:
    """One block of a random kind, and the channels it gives."""
    wanted = int(rng.integers(1, 25))
    kind = rng.choice(["conv", "depthwise", "pointwise", "add", "concat", "max", "average"])
    if kind == "conv":
        return convolution(channels, wanted, int(rng.choice([1, 3, 5])), int(rng.integers(1, 3))), wanted
    if kind == "depthwise":
        first = convolution(channels, channels, int(rng.choice([3, 5])), int(rng.integers(1, 3)), channels)
        return nn.Sequential(first, convolution(channels, wanted, 1)), wanted
    if kind == "pointwise":
        return convolution(channels, wanted, 1), wanted
    if kind == "add":
        return Added(convolution(channels, channels, 3)), channels
    if kind == "concat":
        return Joined(convolution(channels, wanted, 1), convolution(channels, wanted, 3)), 2 * wanted
    return (nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(2, stride=1, padding=1), channels


def convolution(channels: int, wanted: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(channels, wanted, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(wanted), nn.ReLU())


class Added(nn.Module):
    """A layer's output added to its input."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.layer(x))


class Joined(nn.Module):
    """The outputs of two layers side by side."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.one(x), self.other(x)], dim=1)
