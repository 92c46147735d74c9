"""One small network, and the log of each tool as it would tell of it: convolution, depthwise convolution, dense."""

from __future__ import annotations

import json
from pathlib import Path

from hwcost.graph import Graph, Node, Parameter
from hwcost.ops import Conv2d, Dense, DepthwiseConv2d, Reshape
from hwcost.tensor import Quantisation, int8

CYCLES = (120_000.0, 48_000.0, 2_400.0)
"""What the three layers take at 120 MHz: 1 ms, 0.4 ms and 20 us."""

TFLM = """Booting...
"Event","Tag","Ticks"
0,CONV_2D,1000
1,DEPTHWISE_CONV_2D,400
2,RESHAPE,3
3,FULLY_CONNECTED,20
   total
"""
X_CUBE_AI = """ST Edge AI Core v2.2.0-20266
 Summary @120MHz/120MHz
 Inference time per node
 -----------------------------------------------------------------------------
 c_id    m_id   type                 dur (ms)       %    cumul   CPU cycles       name
 -----------------------------------------------------------------------------
 0       0      Conv2D (0x103)          1.000   70.4%    70.4%   [  120,000 ]   ai_node_0
 1       1      Conv2D (0x103)          0.400   28.2%    98.6%   [   48,000 ]   ai_node_1
 2       4      Dense (0x104)           0.020    1.4%   100.0%   [    2,400 ]   ai_node_2
 -----------------------------------------------------------------------------
 total                                  1.420                    [  170,400 ]
"""
X_CUBE_AI_3 = """Results for 10 inference(s) @120/120MHz (macc:950717)
Inspector report (layer by layer)

Clayer  id  desc                          oshape            ms
--------------------------------------------------------------------------------
0       0   10011/(Merged Conv2d / Pool)  (10, 8, 8, 8)     1.000
1       2   10011/(Conv2d)                (10, 8, 8, 8)     0.400
2       6   10005/(Dense)                 (10, 1, 1, 3)     0.020
                                                            1.420 (total)
"""
MLTK = """    Clock Rate (hz): 120.0M
    Accelerator: MVP
    Model Layers
+-------+-------------------+--------+------------+----------+---------------------+--------------+----------------------------------------+
| Index | OpCode            | Ops    | CPU Cycles | Time (s) | Input Shape         | Output Shape | Options                                |
+-------+-------------------+--------+------------+----------+---------------------+--------------+----------------------------------------+
| 0     | conv_2d           | 606.0k | 8.3k       | 1.0m     | 1x8x8x3,8x3x3x3,8   | 1x8x8x8      | Padding:same stride:1x1 activation:relu|
| 1     | depthwise_conv_2d | 592.7k | 8.3k       | 400.0u   | 1x8x8x8,1x3x3x8,8   | 1x8x8x8      | Multiplier:1 padding:same stride:1x1   |
| 2     | reshape           | 0      | 866.0      | 30.0u    | 1x8x8x8,2           | 1x512        | Type=none                              |
| 3     | fully_connected   | 966.0  | 2.2k       | 20.0u    | 1x512,10x512,10     | 1x10         | Activation:none                        |
+-------+-------------------+--------+------------+----------+---------------------+--------------+----------------------------------------+
"""
CSV = """what,kind,c,h,co,k,s,pad,count
first,conv,3,8,8,3,1,same,120000
second,dwconv,8,8,8,3,1,1,48000
last,fc,512,1,10,1,1,valid,2400
"""
COLUMNS = {
    "name": "what",
    "op": "kind",
    "in_channels": "c",
    "height": "h",
    "out_channels": "co",
    "kernel": "k",
    "stride": "s",
    "padding": "pad",
    "cycles": "count",
}


def onnxruntime_profile() -> str:
    """Three runs; the first, ten times slower, is the warm-up."""
    layers = (("conv", "Conv", [1, 3, 8, 8], 1000), ("depthwise", "Conv", [1, 8, 8, 8], 400), ("dense", "Gemm", [1, 512], 20))
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "dur": dur * times, "args": {"op_name": op, "input_type_shape": [{"float": shape}]}}
        for times in (10, 1, 1)
        for name, op, shape, dur in layers
    ]
    return json.dumps([{"cat": "Session", "name": "model_run", "dur": 9}, *events])


LOGS = {"tflm": TFLM, "x-cube-ai": X_CUBE_AI, "onnxruntime": onnxruntime_profile(), "mltk": MLTK, "csv": CSV}
CONDITIONS = {"tflm": {"tick_hz": "1000000"}}
"""TFLM's ticks are microseconds here."""


def network() -> Graph:
    """3x8x8 through a 3x3 convolution to 8 channels, a 3x3 depthwise one, and a dense layer to 10 classes."""
    pads = ((1, 1), (1, 1))
    ops = (
        ("conv", Conv2d(8, (3, 3), padding=pads, bias=False)),
        ("depthwise", DepthwiseConv2d((3, 3), padding=pads, bias=False)),
        ("flatten", Reshape.between((8, 8, 8), (512,))),
        ("dense", Dense(10, bias=False)),
    )
    nodes, parameters, value, spec = [], {}, "x", int8(3, 8, 8)
    for name, op in ops:
        roles = op.parameters(spec)
        parameters |= {
            f"{name}.{role}": Parameter(f"{name}.{role}", shape, 8, Quantisation(axis=0), "int") for role, shape in roles.items()
        }
        nodes.append(Node(name, op, (value,), (name,), tuple((role, f"{name}.{role}") for role in roles)))
        value, spec = name, op.outputs(spec)[0]
    return Graph({"x": int8(3, 8, 8)}, (value,), tuple(nodes), parameters, name="net")


def written(folder: Path, form: str, text: str | None = None) -> Path:
    """A log as a file."""
    path = folder / f"{form}.log"
    path.write_text(LOGS[form] if text is None else text, encoding="utf-8")
    return path
