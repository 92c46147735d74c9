"""Networks small enough to search in a second."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.nas.costs import Costs


class Residual(nn.Module):
    """A stem, a block beside it, a strided block beside a convolution without batch norm, a classifier."""

    def __init__(self, widths: tuple[int, int, int, int] = (8, 6, 12, 10), classes: int = 4) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem, self.stem_norm = nn.Conv2d(1, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.one, self.one_norm = nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b)
        self.two, self.two_norm = nn.Conv2d(b, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.three, self.three_norm = nn.Conv2d(a, c, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c)
        self.four, self.four_norm = nn.Conv2d(c, d, 3, padding=1, bias=False), nn.BatchNorm2d(d)
        self.skip = nn.Conv2d(a, d, 1, stride=2)
        self.fc = nn.Linear(d, classes)

    def forward(self, x):
        x = F.relu(self.stem_norm(self.stem(x)))
        x = F.relu(x + self.two_norm(self.two(F.relu(self.one_norm(self.one(x))))))
        x = F.relu(self.skip(x) + self.four_norm(self.four(F.relu(self.three_norm(self.three(x))))))
        return self.fc(x.mean((2, 3)))


class Separable(nn.Module):
    """Depthwise and pointwise convolutions, then a flatten into dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.point = nn.Sequential(nn.Conv2d(8, 12, 1, bias=False), nn.BatchNorm2d(12), nn.Hardswish())
        self.hidden = nn.Linear(12 * 16, 9)
        self.fc = nn.Linear(9, 4)

    def forward(self, x):
        x = self.point(self.deep(self.stem(x)))
        return self.fc(F.relu(self.hidden(x.flatten(1))))


class Joined(nn.Module):
    """Channels joined, normalised together, excited by their own mean, and up again by a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(2, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(11)
        self.squeeze, self.excite = nn.Conv2d(11, 4, 1), nn.Conv2d(4, 11, 1)
        self.slope = nn.PReLU(11)
        self.up, self.up_norm = nn.ConvTranspose2d(11, 7, 2, stride=2, bias=False), nn.BatchNorm2d(7)
        self.out = nn.Conv2d(7, 2, 1)

    def forward(self, x):
        x = F.relu(self.norm(torch.cat([self.left(x), self.right(x)], 1)))
        x = self.slope(x)
        return self.out(F.relu(self.up_norm(self.up(x))))


def trained(module: nn.Module) -> nn.Module:
    """The module as if it had seen data: no statistic, factor or offset is 0 or 1."""
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for values in module.state_dict().values():
            if values.is_floating_point() and bool((values == values.flatten()[0]).all()):
                values.copy_(0.5 + torch.rand(values.shape, generator=random))
    return module.eval()


INPUTS = {Residual: (1, 8, 8), Separable: (1, 8, 8), Joined: (2, 6, 6)}


def example(kind: type[nn.Module], batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, *INPUTS[kind], generator=torch.Generator().manual_seed(4))


def share_of(space: nas.Space, target: Target, flash: float, latency: float, ram: float) -> Budget:
    """Shares of the seed's own bytes, arena and latency."""
    cost = Costs(space, target, Budget()).seed.cost
    return Budget(
        flash_bytes=cost.flash_bytes - int((1 - flash) * cost.flash.network_bytes),
        latency_s=latency * cost.latency_s,
        ram_bytes=cost.ram_bytes - int((1 - ram) * cost.ram.arena_bytes),
    )
