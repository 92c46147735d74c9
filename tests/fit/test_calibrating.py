"""Calibration: instructions from a table that counted them, cycles by class from few rows, held near the documented ones."""

from __future__ import annotations

import numpy as np
import pytest

from hwcost.errors import MeasurementError
from hwcost.fit.calibrating import calibrate, documented_cycles, fit_mixes, layers_to_measure
from hwcost.kernels import choose
from hwcost.latency.calibrated import CalibratedModel, CalibratedParameters, Mix
from hwcost.latency.files import read_model, write_model
from hwcost.latency.fitted import About
from hwcost.latency.model import Unpriced
from hwcost.ops import Conv2d, Dense, Softmax
from hwcost.records import Conditions, Layer, Measurement
from hwcost.target import Target
from hwcost.tensor import int8

pytest.importorskip("scipy")

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
CONDITIONS = Conditions("stm32l4r5", "cortex-m4", 120e6, TARGET.runtime.name, TARGET.runtime.version)
PER_MAC = {"load": 1.5, "dsp": 0.5}
PER_OUTPUT = {"arithmetic": 6.0, "store": 1.0}


def dense(ins, outs):
    return Layer(Dense(outs), (int8(ins),))


def row(layer, cycles=None, *, counted=True):
    """A row of a machine whose instructions are 1.5 loads and half a product for each MAC, 7 others for each output."""
    macs, outs = layer.step.work.macs, layer.step.work.out_elements
    classes = {kind: n * macs for kind, n in PER_MAC.items()} | {kind: n * outs for kind, n in PER_OUTPUT.items()}
    return Measurement("", "", layer, CONDITIONS, "emulated", "here", cycles=cycles or 1.0, classes=classes if counted else {})


LAYERS = [dense(ins, outs) for ins in (16, 40, 100, 256) for outs in (2, 10, 33, 64)]
SILICON = {"load": 2.5, "dsp": 1.25, "arithmetic": 0.75, "store": 3.0}


def on_silicon(layer):
    return sum(SILICON[kind] * number for kind, number in row(layer).classes.items())


def model_from(layers, **more):
    mixes = fit_mixes([row(layer) for layer in LAYERS], TARGET)
    parameters = calibrate([row(layer, on_silicon(layer), counted=False) for layer in layers], mixes, TARGET, **more)
    about = About(TARGET.runtime.reference, "cortex-m4", "stm32l4r5", 120e6, "measured", len(layers), "0" * 64)
    return CalibratedModel.of(about, parameters)


def cycles(model, layer):
    return model.kernel_cycles(layer.step, choose(layer.step, TARGET.runtime, TARGET.core), TARGET)


def test_instructions_are_found_again():
    mix = fit_mixes([row(layer) for layer in LAYERS], TARGET)["dense"]
    counts = {"mac": 1000.0, "output": 10.0}
    found = {kind: sum(made.get(kind, 0.0) * counts.get(what, 0.0) for what, made in mix.instructions.items()) for kind in SILICON}
    assert found["load"] + found["dsp"] <= 2000 * 1.02
    assert set(mix.instructions) <= {"layer", "mac", "mac with idle lanes", "patch element", "tap", "input", "output", "position", "weight"}


def test_few_rows_calibrate_layers_never_measured():
    model = model_from([dense(16, 64), dense(256, 2), dense(40, 10), dense(100, 33)], strength=1e-6)
    off = [cycles(model, layer) / on_silicon(layer) - 1 for layer in LAYERS]
    assert np.abs(off).max() < 0.02


def test_one_row_scales_the_documented_cycles():
    # Nothing but the common factor can be learnt from one layer.
    model = model_from([dense(100, 33)], strength=1.0)
    stated = documented_cycles(TARGET.core, sorted(SILICON))
    ratios = [model.parameters.cycles[kind] / stated[kind] for kind in stated]
    assert max(ratios) / min(ratios) < 1.6
    assert cycles(model, dense(100, 33)) == pytest.approx(on_silicon(dense(100, 33)), rel=0.05)


def test_the_explanation_adds_up():
    model = model_from(LAYERS[:4])
    step = dense(40, 10).step
    shares = model.explain(step, choose(step, TARGET.runtime, TARGET.core), TARGET)
    assert sum(share.cycles for share in shares) == pytest.approx(cycles(model, dense(40, 10)))
    assert {share.what for share in shares} == set(SILICON)


def test_layers_that_tell_apart_are_picked_first():
    mixes = fit_mixes([row(layer) for layer in LAYERS], TARGET)
    first, second = layers_to_measure(LAYERS, mixes, TARGET, 2)
    windows = [layer.inputs[0].shape[0] for layer in (first, second)]
    assert max(windows) > 6 * min(windows)  # one mostly of products, one mostly of outputs
    assert len(layers_to_measure(LAYERS, mixes, TARGET, 99)) == len(LAYERS)


def test_kinds_nobody_counted_have_no_price(tmp_path):
    model = model_from(LAYERS[:4])
    assert isinstance(cycles(model, Layer(Softmax(), (int8(10),))), Unpriced)
    write_model(tmp_path / "model.json", model)
    assert cycles(read_model(tmp_path / "model.json"), dense(40, 10)) == cycles(model, dense(40, 10))


def test_what_cannot_be_fitted_is_refused():
    mixes = fit_mixes([row(layer) for layer in LAYERS], TARGET)
    with pytest.raises(MeasurementError, match="instructions by class"):
        fit_mixes([row(layer, counted=False) for layer in LAYERS], TARGET)
    with pytest.raises(MeasurementError, match="at least one measured layer"):
        calibrate([row(Layer(Conv2d(4), (int8(3, 8, 8),)), 9.0)], {"dense": mixes["dense"]}, TARGET)
    with pytest.raises(ValueError, match="cycles of load"):
        CalibratedParameters({"dense": Mix({"mac": {"load": 1.0}})}, {"store": 1.0})
