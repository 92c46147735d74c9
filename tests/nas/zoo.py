"""Networks as users write them: 14 modules, each with an input, that a search must take as they are or refuse with a reason.

Nothing in here knows of hwcost. Layers, functions of `torch.nn.functional` and methods of tensors are mixed as people mix them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import Tensor, nn

NETWORKS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {}
"""Classes by name, each with the shape of one input, the batch left out."""


def reads(*shape: int) -> Callable[[type[nn.Module]], type[nn.Module]]:
    def add(kind: type[nn.Module]) -> type[nn.Module]:
        NETWORKS[kind.__name__] = (kind, shape)
        return kind

    return add


def conv_bn(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(scale))))


class InvertedResidual(nn.Module):
    def __init__(self, channels: int, expanded: int):
        super().__init__()
        self.expand = conv_bn(channels, expanded, 1)
        self.depthwise = conv_bn(expanded, expanded, 3, groups=expanded)
        self.attention = SqueezeExcite(expanded)
        self.project = conv_bn(expanded, channels, 1)

    def forward(self, x):
        out = F.hardswish(self.expand(x))
        out = F.hardswish(self.depthwise(out))
        return x + self.project(self.attention(out))


@reads(3, 16, 16)
class MobileNetV3(nn.Module):
    """Inverted residuals with squeeze-excite and hard-swish."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 8, stride=2), nn.Hardswish())
        self.blocks = nn.Sequential(InvertedResidual(8, 24), InvertedResidual(8, 32))
        self.head = nn.Conv2d(8, 24, 1)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 5))

    def forward(self, x):
        x = F.hardswish(self.head(self.blocks(self.stem(x))))
        return self.classifier(x.mean((2, 3)))


class GhostModule(nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        half = out_channels // 2
        self.primary = nn.Sequential(conv_bn(in_channels, half, 1), nn.ReLU(inplace=True))
        self.cheap = nn.Sequential(conv_bn(half, half, 3, groups=half), nn.ReLU(inplace=True))

    def forward(self, x):
        first = self.primary(x)
        return torch.cat([first, self.cheap(first)], dim=1)


@reads(3, 16, 16)
class GhostNet(nn.Module):
    """Half of the channels by convolution, half by a cheap depthwise one."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 8, stride=2), nn.ReLU())
        self.ghost1, self.ghost2 = GhostModule(8, 24), GhostModule(24, 32)
        self.fc = nn.Linear(32, 5)

    def forward(self, x):
        x = self.ghost2(F.max_pool2d(self.ghost1(self.stem(x)), 2))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


class ShuffleUnit(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            *(conv_bn(half, half, 1), nn.ReLU(inplace=True)),
            conv_bn(half, half, 3, groups=half),
            *(conv_bn(half, half, 1), nn.ReLU(inplace=True)),
        )

    def forward(self, x):
        left, right = x.chunk(2, dim=1)
        out = torch.cat((left, self.branch(right)), dim=1)
        batch, channels, height, width = out.size()
        out = out.view(batch, 2, channels // 2, height, width)
        return torch.transpose(out, 1, 2).contiguous().view(batch, channels, height, width)


@reads(3, 16, 16)
class ShuffleNetV2(nn.Module):
    """Half of the channels pass by, then all are shuffled."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 16, stride=2), nn.ReLU())
        self.stage = nn.Sequential(ShuffleUnit(16), ShuffleUnit(16))
        self.conv5 = nn.Sequential(conv_bn(16, 48, 1), nn.ReLU())
        self.fc = nn.Linear(48, 5)

    def forward(self, x):
        x = self.conv5(self.stage(self.stem(x)))
        return self.fc(x.mean([2, 3]))


class DenseLayer(nn.Module):
    def __init__(self, in_channels: int, growth: int):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(in_channels), nn.Conv2d(in_channels, 2 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(2 * growth), nn.Conv2d(2 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(F.relu(self.norm1(x)))
        out = self.conv2(F.relu(self.norm2(out)))
        return torch.cat([x, out], 1)


@reads(1, 16, 16)
class DenseNet(nn.Module):
    """Every layer sees all before it, batch norm before the convolution."""

    def __init__(self):
        super().__init__()
        self.conv0 = nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False)
        self.block = nn.Sequential(*(DenseLayer(8 + 6 * i, 6) for i in range(3)))
        self.norm, self.transition = nn.BatchNorm2d(26), nn.Conv2d(26, 16, 1)
        self.classifier = nn.Linear(16, 5)

    def forward(self, x):
        x = self.transition(F.relu(self.norm(self.block(self.conv0(x)))))
        x = F.relu(F.avg_pool2d(x, 2))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(conv_bn(in_channels, out_channels), nn.ReLU(), conv_bn(out_channels, out_channels), nn.ReLU())


@reads(1, 16, 16)
class UNet(nn.Module):
    """Down by pooling, up by nearest neighbours, skips joined."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.bottom = double_conv(1, 8), double_conv(8, 12), double_conv(12, 16)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.up2, self.up1 = double_conv(16 + 12, 12), double_conv(12 + 8, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        first = self.down1(x)
        second = self.down2(self.pool(first))
        x = self.bottom(self.pool(second))
        x = self.up2(torch.cat([self.up(x), second], dim=1))
        x = self.up1(torch.cat([F.interpolate(x, scale_factor=2), first], dim=1))
        return self.out(x)


class CausalBlock(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, dilation: int):
        super().__init__()
        self.padding = (2 * dilation, 0)
        self.conv1 = nn.Conv1d(in_channels, out_channels, 3, dilation=dilation)
        self.conv2 = nn.Conv1d(out_channels, out_channels, 3, dilation=dilation)
        self.bn1, self.bn2 = nn.BatchNorm1d(out_channels), nn.BatchNorm1d(out_channels)
        self.downsample = nn.Conv1d(in_channels, out_channels, 1) if in_channels != out_channels else None

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(F.pad(x, self.padding))))
        out = F.dropout(out, 0.1, self.training)
        out = self.bn2(self.conv2(F.pad(out, self.padding)))
        skip = x if self.downsample is None else self.downsample(x)
        return F.relu(out + skip)


@reads(3, 32)
class TCN(nn.Module):
    """Dilated causal convolutions; the answer is read at the last sample."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(CausalBlock(3, 12, 1), CausalBlock(12, 12, 2), CausalBlock(12, 16, 4))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.blocks(x)[:, :, -1])


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.ReLU(), nn.Linear(3 * width, width))

    def forward(self, x):
        out = self.norm1(x)
        x = x + self.attention(out, out, out, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


@reads(1, 16, 16)
class ConvTransformer(nn.Module):
    """A convolutional stem that makes tokens, and an encoder over them."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.stem = nn.Sequential(*(conv_bn(1, 12, stride=2), nn.ReLU()), *(conv_bn(12, 24, stride=2), nn.ReLU()), nn.Conv2d(24, width, 1))
        self.block = TransformerBlock(width, heads=2)
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        return self.fc(self.norm(self.block(tokens)).mean(dim=1))


@reads(4, 32)
class GRUHead(nn.Module):
    """Convolutions over time, a GRU over what they make, its last state."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv1d(4, 16, 5, stride=2, padding=2, bias=False), nn.BatchNorm1d(16), nn.ReLU()),
            *(nn.Conv1d(16, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm1d(12), nn.ReLU()),
        )
        self.gru = nn.GRU(12, 10, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(10, 16), nn.Linear(16, 5)

    def forward(self, x):
        out, _ = self.gru(self.features(x).permute(0, 2, 1))
        return self.fc2(F.relu(self.fc1(out[:, -1])))


class ResNeXtBlock(nn.Module):
    def __init__(self, channels: int, width: int, cardinality: int):
        super().__init__()
        self.reduce = conv_bn(channels, width, 1)
        self.grouped = conv_bn(width, width, 3, groups=cardinality)
        self.expand = conv_bn(width, channels, 1)

    def forward(self, x):
        out = F.relu(self.grouped(F.relu(self.reduce(x))))
        return F.relu(x + self.expand(out))


@reads(3, 16, 16)
class ResNeXt(nn.Module):
    """Bottlenecks whose middle convolution works in groups."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 16, stride=2), nn.ReLU(inplace=True))
        self.layer1, self.layer2 = ResNeXtBlock(16, 8, 4), ResNeXtBlock(16, 8, 4)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x):
        x = self.avgpool(self.layer2(self.layer1(self.stem(x))))
        return self.fc(x.view(x.size(0), -1))


@reads(3, 16, 16)
class MobileNetV1(nn.Module):
    """Depthwise separable convolutions, all activations and poolings as functions."""

    def __init__(self, plan: tuple[tuple[int, int], ...] = ((12, 1), (16, 2), (24, 1))):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8)
        widths = (8, *(width for width, _ in plan))
        self.depthwise = nn.ModuleList(conv_bn(n, n, 3, stride, groups=n) for n, (_, stride) in zip(widths, plan, strict=False))
        self.pointwise = nn.ModuleList(conv_bn(n, m, 1) for n, m in itertools.pairwise(widths))
        self.fc = nn.Linear(widths[-1], 5)

    def forward(self, x):
        x = F.relu6(self.bn(self.conv(x)))
        for deep, point in zip(self.depthwise, self.pointwise, strict=True):
            x = F.relu6(point(F.relu6(deep(x))))
        return self.fc(F.avg_pool2d(x, x.shape[-1]).squeeze(-1).squeeze(-1))


class MixerBlock(nn.Module):
    def __init__(self, tokens: int, channels: int):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)
        self.over_time = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.over_channels = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, x):
        x = x + self.over_time(self.norm1(x))
        return x + self.over_channels(self.norm2(x).transpose(1, 2)).transpose(1, 2)


@reads(6, 48)
class Mixer(nn.Module):
    """A signal cut into patches; dense layers over time and over channels in turn, each beside its input."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv1d(6, 12, 4, stride=4)
        self.blocks = nn.Sequential(MixerBlock(12, 12), MixerBlock(12, 12))
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        return self.fc(self.blocks(self.patches(x)).mean(-1))


@reads(1, 25, 10)
class KeywordNet(nn.Module):
    """Depthwise separable convolutions on coefficients of speech, flattened into dense layers with dropout."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(1, 16, (10, 4), stride=2, padding=(5, 1), bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(conv_bn(16, 16, groups=16), nn.ReLU(), conv_bn(16, 16, 1), nn.ReLU(), nn.Dropout2d(0.1)),
            *(conv_bn(16, 16, groups=16), nn.ReLU(), conv_bn(16, 20, 1), nn.ReLU()),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(20 * 6 * 2, 24), nn.ReLU(), nn.Dropout(0.4), nn.Linear(24, 5))

    def forward(self, x):
        return self.classifier(self.features(x))


class InceptionBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.one = conv_bn(channels, 6, 1)
        self.three = nn.Sequential(conv_bn(channels, 6, 1), nn.ReLU(), conv_bn(6, 8, 3))
        self.five = nn.Sequential(conv_bn(channels, 4, 1), nn.ReLU(), conv_bn(4, 6, 5))
        self.pooled = conv_bn(channels, 4, 1)

    def forward(self, x):
        pooled = self.pooled(F.max_pool2d(x, 3, stride=1, padding=1))
        return F.relu(torch.cat([self.one(x), self.three(x), self.five(x), pooled], dim=1))


@reads(3, 16, 16)
class Inception(nn.Module):
    """Branches of several kernels beside each other, joined."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.LeakyReLU(0.1))
        self.a, self.b = InceptionBlock(8), InceptionBlock(24)
        self.fc = nn.Linear(24, 5)

    def forward(self, x):
        x = self.b(F.max_pool2d(self.a(self.stem(x)), 2))
        return self.fc(x.amax(dim=(2, 3)))


@reads(1, 16, 16)
class Autoencoder(nn.Module):
    """Down by strides to a dense bottleneck, up by transposed convolutions to the size of the input."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU()), *(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU())
        )
        self.bottleneck, self.back = nn.Linear(16 * 4 * 4, 10), nn.Linear(10, 16 * 4 * 4)
        self.decoder = nn.Sequential(
            *(nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
            nn.ConvTranspose2d(8, 1, 2, stride=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        code = self.bottleneck(self.encoder(x).flatten(1))
        return torch.tanh(self.decoder(F.relu(self.back(code)).view(-1, 16, 4, 4)))
