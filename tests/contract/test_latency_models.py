"""What every shipped latency model keeps: positive, additive, the same on every kind of size, and only for its own target."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from hwcost.errors import MeasurementError, NotFittedError
from hwcost.graph import Graph, Node, Parameter
from hwcost.kernels import choose as choose_kernel
from hwcost.latency import AnalyticModel, LatencyModel
from hwcost.latency.model import Unpriced
from hwcost.ops import (
    Add,
    AveragePool2d,
    Conv2d,
    Dense,
    DepthwiseConv2d,
    GlobalAveragePool,
    MaxPool2d,
    Op,
    Reshape,
    Softmax,
)
from hwcost.ops.base import REGISTRY
from hwcost.records import Layer
from hwcost.sizes import Size
from hwcost.target import Device, Target, load_core, load_device, load_runtime
from hwcost.target.find import names, versions
from hwcost.tensor import Quantisation, int8

SHIPPED = [
    (runtime.reference, core)
    for name in names("runtimes")
    for version in versions(name)
    for runtime in (load_runtime(f"{name}@{version}"),)
    for core in runtime.latency
]
PROBES: dict[str, Layer] = {
    "conv2d": Layer(Conv2d(16, (3, 3), padding=((1, 1), (1, 1))), (int8(8, 12, 12),)),
    "conv2d pointwise": Layer(Conv2d(16), (int8(8, 12, 12),)),
    "depthwise_conv2d": Layer(DepthwiseConv2d((3, 3), padding=((1, 1), (1, 1))), (int8(8, 12, 12),)),
    "dense": Layer(Dense(10), (int8(64),)),
    "max_pool2d": Layer(MaxPool2d((2, 2), (2, 2)), (int8(8, 12, 12),)),
    "average_pool2d": Layer(AveragePool2d((2, 2), (2, 2)), (int8(8, 12, 12),)),
    "global_average_pool": Layer(GlobalAveragePool(), (int8(8, 12, 12),)),
    "add": Layer(Add(), (int8(8, 12, 12), int8(8, 12, 12))),
    "softmax": Layer(Softmax(), (int8(10),)),
}


@cache
def target_of(reference: str, core: str) -> Target:
    """A device with this core, on this runtime: the first described one, else another device with the core put in."""
    described = [load_device(name)[0] for name in names("devices")]
    device: Device = next((d for d in described if d.core == core), replace(described[0], core=core))
    return Target(device, load_core(core), load_runtime(reference, core))


@cache
def model_of(reference: str, core: str) -> LatencyModel:
    return AnalyticModel.of(load_runtime(reference, core), core)


def cycles_of(layer: Layer, reference: str, core: str) -> Size | Unpriced:
    target, step = target_of(reference, core), layer.step
    return model_of(reference, core).node_cycles(step, choose_kernel(step, target.runtime, target.core), target)


every = pytest.mark.parametrize(("reference", "core"), SHIPPED, ids=lambda text: text)


@every
@pytest.mark.parametrize("kind", PROBES)
def test_what_the_runtime_runs_has_a_positive_price(kind: str, reference: str, core: str) -> None:
    target, step = target_of(reference, core), PROBES[kind].step
    if not choose_kernel(step, target.runtime, target.core).is_supported:
        pytest.skip(f"{reference} does not run {kind}")
    cycles = cycles_of(PROBES[kind], reference, core)
    assert not isinstance(cycles, Unpriced)
    assert 0 < cycles < math.inf


@every
def test_a_reshape_is_declared_free(reference: str, core: str) -> None:
    assert cycles_of(Layer(Reshape.between((8, 2, 2), (32,)), (int8(8, 2, 2),)), reference, core) == 0


@every
def test_prices_are_of_operators_that_exist(reference: str, core: str) -> None:
    figures = load_runtime(reference, core).latency[core]
    assert {kind for price in figures.prices for kind in price.kinds} <= REGISTRY.keys()


@every
def test_a_price_belongs_to_a_kernel_the_runtime_has(reference: str, core: str) -> None:
    runtime = load_runtime(reference, core)
    has = {(kind, rule.kernel) for rule in runtime.kernels for kind in rule.kinds}
    for price in runtime.latency[core].prices:
        assert any((kind, kernel) in has for kind in price.kinds for kernel in price.kernels), price.kinds


def chain(width: Size = 16) -> Graph:
    """A convolution whose width is searched, and layers that follow it."""
    ops: list[tuple[str, Op]] = [
        ("conv", Conv2d(width, (3, 3), padding=((1, 1), (1, 1)), bias=False)),
        ("depthwise", DepthwiseConv2d((3, 3), padding=((1, 1), (1, 1)), bias=False)),
        ("pointwise", Conv2d(24, bias=False)),
        ("pool", MaxPool2d((2, 2), (2, 2))),
        ("flatten", Reshape.between((24, 6, 6), (864,))),
        ("dense", Dense(10, bias=False)),
    ]
    nodes, parameters, value = [], {}, "x"
    x = int8(8, 12, 12)
    for name, op in ops:
        roles = op.parameters(x)
        nodes.append(Node(name, op, (value,), (f"{name}.out",), tuple((role, f"{name}.{role}") for role in roles)))
        parameters |= {f"{name}.{role}": Parameter(role, shape, 8, Quantisation(axis=0), "int") for role, shape in roles.items()}
        value, x = f"{name}.out", op.infer(x)
    return Graph({"x": int8(8, 12, 12)}, (value,), tuple(nodes), parameters)


@every
def test_a_network_takes_what_its_layers_take(reference: str, core: str) -> None:
    target, model = target_of(reference, core), model_of(reference, core)
    found = model.predict(chain(), target)
    assert found.latency_s is not None, found.reason
    alone = [
        model.node_cycles(step, choose_kernel(step, target.runtime, target.core), target) / target.clock_hz  # type: ignore[operator]
        for step in chain().steps
    ]
    assert found.nodes == tuple(alone)
    assert found.latency_s == pytest.approx(sum(alone) + model.per_inference_cycles / target.clock_hz, rel=1e-12)


@every
def test_numbers_tensors_and_columns_agree_exactly(reference: str, core: str) -> None:
    target, model = target_of(reference, core), model_of(reference, core)
    alike, others = [8, 16, 40], [1, 3, 12, 33]  # multiples of 8, so that no rule about lanes tells the candidates of a column apart
    whole = {width: model.predict(chain(width), target) for width in (*alike, *others)}
    for width, found in whole.items():
        searched = model.predict(chain().rebind({"conv": torch.tensor(float(width), dtype=torch.float64)}), target)
        assert [float(seconds) for seconds in searched.nodes] == list(found.nodes)
        assert float(searched.known_s) == pytest.approx(found.known_s, rel=1e-15)  # sums of numbers alone do not depend on their order
    for widths in (alike, *([width] for width in others)):
        column = model.predict(chain().rebind({"conv": np.array(widths)}), target)
        rows = [np.broadcast_to(np.asarray(seconds), (len(widths),)).tolist() for seconds in column.nodes]
        assert [list(nodes) for nodes in zip(*rows, strict=True)] == [list(whole[width].nodes) for width in widths]


@every
def test_the_gradient_survives_and_is_finite(reference: str, core: str) -> None:
    target, model = target_of(reference, core), model_of(reference, core)
    width = torch.tensor(13.0, dtype=torch.float64, requires_grad=True)
    latency_s = model.predict(chain().rebind({"conv": width}), target).latency_s
    assert latency_s is not None
    latency_s.backward()
    assert model.differentiable
    assert width.grad is not None
    assert 0 < float(width.grad) < math.inf


@every
def test_more_work_is_never_faster(reference: str, core: str) -> None:
    small, large = (model_of(reference, core).predict(chain(width), target_of(reference, core)).latency_s for width in (8, 9))
    assert small is not None
    assert large is not None
    assert small < large


@every
def test_another_target_is_refused(reference: str, core: str) -> None:
    other = next(pair for pair in SHIPPED if pair[0] != reference and pair[1] != core)
    with pytest.raises(MeasurementError, match=reference):
        model_of(reference, core).predict(chain(), target_of(*other))


def test_a_core_without_figures_has_no_model() -> None:
    runtime = load_runtime("tflm-reference")
    without = next(core for core in runtime.cores if core not in runtime.latency)
    with pytest.raises(NotFittedError, match=without):
        AnalyticModel.of(runtime, without)
