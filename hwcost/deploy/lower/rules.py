"""Which rule lowers which operator."""

from __future__ import annotations

from typing import Any

from hwcost.deploy.lower import joining, moves, pairs, pools, tables, weighted
from hwcost.deploy.lower.orders import Rearrange
from hwcost.deploy.lower.site import Rule
from hwcost.ops import activation, binary, conv, dense, gather, pool, reduce, resize, shape, storage
from hwcost.ops import joining as join

_UNARY = (
    *(activation.Relu, activation.Clip, activation.LeakyRelu, activation.Sigmoid, activation.Tanh, activation.HardSigmoid),
    *(activation.HardSwish, activation.Silu, activation.Gelu, activation.Elu, activation.Selu, activation.Softplus),
    *(activation.Softsign, activation.Mish, activation.Erf, activation.Exp, activation.Log, activation.Sqrt, activation.Reciprocal),
    *(activation.Neg, activation.Abs, activation.Sign, activation.Sin, activation.Cos, activation.Floor, activation.Ceil),
    activation.Round,
)
_CONVOLUTIONS = (conv.Conv1d, conv.Conv2d, conv.DepthwiseConv1d, conv.DepthwiseConv2d)
_PAIRS = (binary.Add, binary.Sub, binary.Mul, binary.Div, binary.Minimum, binary.Maximum, binary.Pow)

RULES: dict[type[Any], Rule] = {
    **dict.fromkeys(_CONVOLUTIONS, weighted.convolution),
    **dict.fromkeys((conv.ConvTranspose1d, conv.ConvTranspose2d), weighted.transposed),
    dense.Dense: weighted.dense,
    dense.MatMul: weighted.matrix_product,
    **dict.fromkeys(_UNARY, tables.lookup),
    activation.PRelu: tables.prelu,
    activation.Softmax: tables.softmax,
    **dict.fromkeys(_PAIRS, pairs.pair_of_operands),
    **dict.fromkeys((pool.MaxPool1d, pool.MaxPool2d), pools.max_pool),
    **dict.fromkeys((pool.AveragePool1d, pool.AveragePool2d), pools.average_pool),
    pool.GlobalMaxPool: pools.global_max_pool,
    pool.GlobalAveragePool: pools.global_average_pool,
    reduce.ReduceMean: pools.reduction("mean"),
    reduce.ReduceSum: pools.reduction("sum"),
    reduce.ReduceMax: pools.reduction("max"),
    reduce.ReduceMin: pools.reduction("min"),
    reduce.ArgMax: pools.arg_max(largest=True),
    reduce.ArgMin: pools.arg_max(largest=False),
    join.Concat: joining.concat,
    join.Split: moves.split,
    join.Slice: moves.moving(moves.cut),
    join.Pad: moves.moving(moves.pad),
    join.Expand: moves.moving(moves.expand),
    gather.Gather: moves.moving(moves.gather),
    shape.Reshape: moves.reshape,
    Rearrange: moves.reshape,
    shape.Transpose: moves.moving(moves.transpose),
    resize.Resize: moves.moving(moves.resize),
    resize.DepthToSpace: moves.moving(moves.depth_to_space),
    resize.SpaceToDepth: moves.moving(moves.space_to_depth),
    storage.Identity: moves.alias,
    storage.Quantize: joining.quantise,
    storage.Dequantize: joining.dequantise,
}
