"""Layers and functions, a line each."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from torch import Tensor, nn

from tests.zoo.specimens import conv_bn, keep


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
