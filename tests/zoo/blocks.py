"""Blocks of the networks people use."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import nn

from tests.zoo.specimens import ZOO, Specimen, conv_bn, specimen


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
