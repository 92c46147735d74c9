"""Small modules of the kinds people write, each with example inputs: what every reader of networks must understand.

Layers of one call are at the end of the file, in a line each; whole blocks come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
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


@specimen((16, 8, 8))
class InvertedResidual(nn.Module):
    """Expand, depthwise, squeeze and excite, project, add: MobileNetV3's block."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Sequential(conv_bn(16, 48, 1), nn.Hardswish())
        self.depthwise = nn.Sequential(conv_bn(48, 48, groups=48), nn.Hardswish())
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(48, 12, 1), nn.ReLU(), nn.Conv2d(12, 48, 1), nn.Hardsigmoid())
        self.project = conv_bn(48, 16, 1)

    def forward(self, x):
        out = self.depthwise(self.expand(x))
        return x + self.project(out * self.squeeze(out))


@specimen((8, 8, 8))
class Ghost(nn.Module):
    """Half of the channels by convolution, half by cheap depthwise of the first half."""

    def __init__(self):
        super().__init__()
        self.primary = nn.Sequential(conv_bn(8, 8, 1), nn.ReLU())
        self.cheap = nn.Sequential(conv_bn(8, 8, groups=8), nn.ReLU())

    def forward(self, x):
        first = self.primary(x)
        return torch.cat([first, self.cheap(first)], 1)


@specimen((8, 6, 6))
class Shuffle(nn.Module):
    """Half of the channels pass by, then all are shuffled by view and transpose: ShuffleNetV2's block."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(conv_bn(4, 4, 1), nn.ReLU(), conv_bn(4, 4, groups=4), conv_bn(4, 4, 1), nn.ReLU())

    def forward(self, x):
        kept, changed = x.chunk(2, dim=1)
        out = torch.cat((kept, self.branch(changed)), dim=1)
        batch, channels, height, width = out.shape
        return out.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous().view(batch, channels, height, width)


@specimen((6, 8, 8))
class DenseBlock(nn.Module):
    """Every layer sees all before it: DenseNet's block, batch norm before the convolution."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(6 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(6 + 4 * i, 4, 3, padding=1, bias=False) for i in range(3))

    def forward(self, x):
        made = [x]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            made.append(conv(F.relu(norm(torch.cat(made, 1)))))
        return torch.cat(made, 1)


@specimen((3, 16, 16))
class UNet(nn.Module):
    """Down by pooling, up by interpolation, with the skip joined."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(conv_bn(3, 8), nn.ReLU())
        self.bottom = nn.Sequential(conv_bn(8, 16), nn.ReLU())
        self.up = nn.Sequential(conv_bn(24, 8), nn.ReLU())
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        skip = self.down(x)
        deep = self.bottom(F.max_pool2d(skip, 2))
        wide = F.interpolate(deep, scale_factor=2, mode="nearest")
        return self.head(self.up(torch.cat([wide, skip], 1)))


@specimen((4, 32))
class Temporal(nn.Module):
    """Dilated causal convolutions with a residual, the future cut off."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 8, 3, padding=4, dilation=2)
        self.conv2 = nn.Conv1d(8, 8, 3, padding=8, dilation=4)
        self.skip = nn.Conv1d(4, 8, 1)

    def forward(self, x):
        out = F.relu(self.conv1(x)[..., :-4])
        out = F.relu(self.conv2(out)[..., :-8])
        return F.relu(out + self.skip(x)).mean(-1)


@specimen((3, 16, 16))
class ConvTransformer(nn.Module):
    """A convolutional stem, a class token, learned positions, one encoder layer written out."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.positions = nn.Parameter(torch.randn(1, 17, 16))
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 10)

    def attention(self, x):
        batch, steps, features = x.shape
        q, k, v = self.qkv(x).reshape(batch, steps, 3, 2, features // 2).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q @ k.transpose(-2, -1)) * (features // 2) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, steps, features))

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        x = x + self.attention(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(x[:, 0])


@specimen((6, 8))
class SelfAttention(nn.Module):
    """torch's own multi-head attention, with a residual and a norm."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        return self.norm(x + self.attention(x, x, x, need_weights=False)[0])


@specimen((2, 6, 8), (2, 6, 8), (2, 6, 8))
class ScaledDotProduct(nn.Module):
    """Attention as one function."""

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)


@specimen((12, 5))
class GRUHead(nn.Module):
    """A recurrent layer of which the last step is classified."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(5, 6, batch_first=True)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.gru(x)[0][:, -1])


@specimen((12, 5))
class LSTMSequence(nn.Module):
    """Every step of a recurrent layer goes on."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, batch_first=True)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


@specimen((12, 5))
class BidirectionalLSTM(nn.Module):
    """Two layers read both ways, their last states classified."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 6, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(self.lstm(x)[0].mean(1))


@specimen((12, 5), only="legacy")
class PlainRNN(nn.Module):
    """The oldest recurrent layer, and its last state."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(5, 6, batch_first=True, nonlinearity="relu")
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.rnn(x)[1][-1])


@specimen((3, 8, 8))
class Residual(nn.Module):
    """Two convolutions beside a projection, activations in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = conv_bn(3, 8, stride=2), conv_bn(8, 8)
        self.downsample = conv_bn(3, 8, 1, stride=2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.conv2(self.relu(self.conv1(x)))
        out += self.downsample(x)
        return self.relu(out)


@specimen((4, 6, 6))
class CalledTwice(nn.Module):
    """One convolution used twice: its weights count once."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(F.relu(self.conv(x)))


@specimen((3, 8, 8), (5,))
class TwoInputs(nn.Module):
    """An image and a vector."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc, self.head = nn.Conv2d(3, 8, 3, stride=2), nn.Linear(5, 8), nn.Linear(16, 2)

    def forward(self, image, vector):
        return self.head(torch.cat([self.conv(image).mean((2, 3)), torch.tanh(self.fc(vector))], dim=-1))


@specimen((3, 8, 8))
class TwoOutputs(nn.Module):
    """A class and a box."""

    def __init__(self):
        super().__init__()
        self.conv, self.kind, self.box = nn.Conv2d(3, 8, 3), nn.Linear(8, 5), nn.Linear(8, 4)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(F.relu(self.conv(x)), 1).flatten(1)
        return {"kind": self.kind(x), "box": torch.sigmoid(self.box(x))}


class Words(nn.Module):
    """Whole numbers looked up, averaged, classified."""

    def __init__(self):
        super().__init__()
        self.embedding, self.fc = nn.Embedding(20, 6), nn.Linear(6, 3)

    def forward(self, words):
        return self.fc(self.embedding(words).mean(1))


ZOO["Words"] = Specimen("Words", Words, lambda: (torch.randint(0, 20, (1, 7)),))


@specimen((8, 6, 6))
class LayerScale(nn.Module):
    """ConvNeXt's block: a large depthwise kernel, layer norm over channels last, a learned factor per channel."""

    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8)
        self.wide, self.narrow = nn.Linear(8, 32), nn.Linear(32, 8)
        self.factor = nn.Parameter(torch.rand(8))

    def forward(self, x):
        out = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.factor * self.narrow(F.gelu(self.wide(out)))).permute(0, 3, 1, 2)


@specimen((6, 9))
class Gated(nn.Module):
    """Gates by multiplication, by GLU, and by one minus a gate."""

    def __init__(self):
        super().__init__()
        self.gate, self.value, self.both = nn.Linear(9, 9), nn.Linear(9, 9), nn.Linear(9, 8)

    def forward(self, x):
        gate = torch.sigmoid(self.gate(x))
        a, b = self.both(gate * torch.tanh(self.value(x)) + (1 - gate) * x).chunk(2, -1)
        return a * torch.sigmoid(b)


class Function(nn.Module):
    """A function of tensors after a layer of its own, so that there is a weight to compare."""

    def __init__(self, function: Callable[..., object], channels: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.function = function

    def forward(self, x):
        return self.function(self.conv(x))


def layers(name: str, shape: tuple[int, ...], *parts: Callable[[], nn.Module], only: str | None = None) -> None:
    """Add layers one behind the other."""
    keep(name, lambda: nn.Sequential(*(part() for part in parts)), shape, only=only)


def function(name: str, what: Callable[[Tensor], object], shape: tuple[int, int, int] = (4, 6, 6), *, only: str | None = None) -> None:
    """Add a function of an image."""
    keep(name, lambda: Function(what, shape[0]), shape, only=only)


layers("conv_bn_relu", (3, 8, 8), lambda: conv_bn(3, 8), nn.ReLU)
layers("depthwise_separable", (4, 8, 8), lambda: conv_bn(4, 4, groups=4), nn.ReLU6, lambda: conv_bn(4, 8, 1), nn.ReLU6)
layers("grouped", (8, 6, 6), lambda: nn.Conv2d(8, 12, 3, groups=4))
layers("depth_multiplier", (4, 6, 6), lambda: nn.Conv2d(4, 8, 3, groups=4))
layers("one_channel", (1, 6, 6), lambda: nn.Conv2d(1, 1, 3))
layers("dilated_depthwise", (4, 9, 9), lambda: nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4))
layers("same_even_kernel", (3, 9, 9), lambda: nn.Conv2d(3, 4, (4, 3), padding="same"))
layers("same_dilated", (3, 9, 9), lambda: nn.Conv2d(3, 4, 3, padding="same", dilation=(1, 3)))
layers("asymmetric_pad", (3, 8, 8), lambda: nn.ZeroPad2d((0, 1, 0, 1)), lambda: nn.Conv2d(3, 4, 3, stride=2))
layers("reflect_pad", (3, 8, 8), lambda: nn.ReflectionPad2d((1, 2, 1, 0)), lambda: nn.Conv2d(3, 4, 3))
layers("replicate_pad", (3, 8, 8), lambda: nn.ReplicationPad2d(1), lambda: nn.Conv2d(3, 4, 3))
layers("conv1d_stack", (3, 16), lambda: nn.Conv1d(3, 6, 5, stride=2, padding=2), nn.ReLU, lambda: nn.Conv1d(6, 6, 3, groups=6), nn.Flatten)
layers("conv_transpose", (4, 5, 5), lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1), lambda: nn.BatchNorm2d(6), nn.ReLU)
layers("conv_transpose_grouped", (4, 5, 5), lambda: nn.ConvTranspose2d(4, 6, 2, 2, groups=2, bias=False), lambda: nn.BatchNorm2d(6))
layers("conv_transpose1d", (4, 9), lambda: nn.ConvTranspose1d(4, 2, 4, stride=2))
layers("dense_bn", (12,), lambda: nn.Linear(12, 8, bias=False), lambda: nn.BatchNorm1d(8), nn.ReLU, nn.Dropout, lambda: nn.Linear(8, 3))
layers("pool1d", (4, 12), lambda: nn.MaxPool1d(2), lambda: nn.Conv1d(4, 4, 3), lambda: nn.AvgPool1d(2), lambda: nn.AdaptiveAvgPool1d(1))
layers("layer_norm", (6, 8), lambda: nn.LayerNorm(8), lambda: nn.Linear(8, 4))
layers("layer_norm_over_two", (6, 8), lambda: nn.Linear(8, 4), lambda: nn.LayerNorm((6, 4)))
layers("rms_norm", (6, 8), lambda: nn.RMSNorm(8, eps=1e-6), lambda: nn.Linear(8, 4), only="dynamo")
layers("group_norm", (8, 6, 6), lambda: nn.Conv2d(8, 8, 3), lambda: nn.GroupNorm(4, 8))
layers("instance_norm", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), lambda: nn.InstanceNorm2d(4, affine=True))
layers("prelu", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), lambda: nn.PReLU(4), lambda: nn.Conv2d(4, 2, 1), nn.PReLU)
layers("leaky_relu", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), lambda: nn.LeakyReLU(0.1))
layers("softmax_head", (12,), lambda: nn.Linear(12, 5), lambda: nn.Softmax(-1))
layers("log_softmax_head", (12,), lambda: nn.Linear(12, 5), lambda: nn.LogSoftmax(1))
layers("pixel_shuffle", (8, 4, 4), lambda: nn.Conv2d(8, 8, 1), lambda: nn.PixelShuffle(2))
layers("pixel_unshuffle", (2, 8, 8), lambda: nn.PixelUnshuffle(2), lambda: nn.Conv2d(8, 4, 1))
layers("bilinear_upsample", (3, 5, 5), lambda: nn.Conv2d(3, 3, 1), lambda: nn.Upsample(scale_factor=2, mode="bilinear"))
layers("bilinear_corners", (3, 5, 5), lambda: nn.Conv2d(3, 3, 1), lambda: nn.Upsample(size=(9, 7), mode="bilinear", align_corners=True))
layers("max_pool_ceil", (4, 7, 7), lambda: nn.Conv2d(4, 4, 1), lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True))
layers("max_pool_ceil_extra", (4, 8, 8), lambda: nn.Conv2d(4, 4, 1), lambda: nn.MaxPool2d(3, 2, ceil_mode=True))
layers("hardswish", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), nn.Hardswish, lambda: nn.Conv2d(4, 4, 3), nn.Hardsigmoid)
layers("silu", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), nn.SiLU)
layers("gelu", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), nn.GELU)
layers("gelu_tanh", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), lambda: nn.GELU("tanh"))
layers("elu_selu", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), lambda: nn.ELU(0.5), lambda: nn.Conv2d(4, 4, 1), nn.SELU)
layers("softplus_mish", (4, 6, 6), lambda: nn.Conv2d(4, 4, 3), nn.Softplus, lambda: nn.Conv2d(4, 4, 1), nn.Mish)
layers("channels_last_dense", (4, 6, 6), lambda: Function(lambda x: x.permute(0, 2, 3, 1)), lambda: nn.Linear(4, 8))

function("pools", lambda x: F.avg_pool2d(F.max_pool2d(x, 2), 3, stride=1, padding=1))
function("pool_without_padding_counted", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
function("mean_over_positions", lambda x: x.mean((2, 3)))
function("mean_kept", lambda x: x * x.mean((2, 3), keepdim=True))
function("adaptive_pools", lambda x: (F.adaptive_avg_pool2d(x, (2, 3)), F.adaptive_max_pool2d(x, 1)))
function("reductions", lambda x: x.amax((2, 3)) + x.sum((2, 3)) - x.amin((2, 3)) * x.mean((1, 2, 3), keepdim=True).flatten(1))
function("chunk", lambda x: torch.mul(*x.chunk(2, 1)))
function("split_sizes", lambda x: torch.split(x, [1, 3], 1)[1])
function("slices", lambda x: x[:, 1:3, ::2, -4:])
function("select", lambda x: x[:, 0] + x[:, -1])
function("stack", lambda x: torch.stack([x, x * 2], 2))
function("concat_positions", lambda x: torch.cat([x, F.relu(x)], -1))
function("scalars", lambda x: (F.relu(x) - 0.5) / 2 + 1)
function("scalar_first", lambda x: 1 - 2 / (x * x + 1))
function("pow", lambda x: x.pow(2) + x.abs().sqrt())
function("clamp", lambda x: x.clamp(-1, 2) + x.clamp(min=0))
function("minimum_maximum", lambda x: torch.maximum(x, -x) - torch.minimum(x, x * 0.5))
function("upsample_nearest", lambda x: F.interpolate(x, scale_factor=2))
function("flatten_view", lambda x: x.view(x.shape[0], -1).reshape(-1, 8, 18).squeeze(0).unsqueeze(0).flatten(1))
function("channel_order", lambda x: x[:, [2, 0, 1, 3]])
function("expand", lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 6, 6) + x)
function("where", lambda x: torch.where(x > 0, x, x * 0.1))
function("argmax", lambda x: x.flatten(1).argmax(1))
function("matmul", lambda x: torch.matmul(x, x.transpose(-1, -2)))
function("batched_matmul", lambda x: torch.bmm(x.flatten(2), x.flatten(2).transpose(1, 2)))
function("trigonometry", lambda x: torch.sin(x) * torch.cos(x) + torch.exp(-x) - torch.log(x.abs() + 1))
function("norm_of_features", lambda x: F.normalize(x.flatten(1), dim=1))
function("repeat", lambda x: x.repeat(1, 2, 1, 1))
