"""Fits against rows whose prices are known, and refusals of rows that no model can be made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwcost.cli import main
from hwcost.errors import MeasurementError, NotDifferentiableError
from hwcost.fit import fit
from hwcost.latency import read_model
from hwcost.latency.fitted import About
from hwcost.latency.linear import LinearModel, LinearParameters, Sum
from hwcost.latency.residual import Forest, ResidualModel, ResidualParameters, Tree
from hwcost.ops import Conv2d, Dense
from hwcost.records import Conditions, Layer, Measurement, Records, write_records
from hwcost.target import Target
from hwcost.tensor import int8

pytest.importorskip("sklearn")

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
CONDITIONS = Conditions("stm32l4r5", "cortex-m4", 120e6, "tflm-cmsis-nn", "2026.10")
SIZES = [(8, 4), (16, 10), (32, 7), (64, 10), (100, 3), (128, 33), (256, 10), (500, 20)]


def row(layer: Layer, cycles: float, network: str = "") -> Measurement:
    return Measurement(network, "", layer, CONDITIONS, "measured", "a pencil", cycles=cycles)


ROWS = [row(Layer(Dense(out), (int8(into),)), 3 * into * out + 20 * out + 500) for into, out in SIZES]


def test_known_prices_are_found() -> None:
    fitted = fit(ROWS, TARGET, "linear", baselines=False)
    accuracy = fitted.tried["linear"]["dense"]
    assert accuracy.mape < 1e-6
    assert accuracy.tau == pytest.approx(1.0)
    new = Layer(Dense(50), (int8(200),))
    assert fitted.model.predict(new.graph(), TARGET).latency_s == pytest.approx((3 * 200 * 50 + 20 * 50 + 500) / 120e6, rel=1e-6)


def test_the_shares_of_a_layer_add_up_to_its_price() -> None:
    model = fit(ROWS, TARGET, "linear", baselines=False).model
    assert isinstance(model, LinearModel)
    step = ROWS[0].layer.step  # type: ignore[union-attr]
    from hwcost.kernels import choose

    kernel = choose(step, TARGET.runtime, TARGET.core)
    shares = model.explain(step, kernel, TARGET)
    assert sum(share.cycles for share in shares) == pytest.approx(model.kernel_cycles(step, kernel, TARGET))  # type: ignore[union-attr]


def test_whole_networks_are_held_out_where_they_are_named() -> None:
    named = [replace(each, network=f"n{index % 2}") for index, each in enumerate(ROWS)]
    fitted = fit(named, TARGET, "linear", baselines=False)
    assert fitted.left_out == "whole networks"
    assert fitted.tried["linear"]["networks"].rows == 2


def test_trees_are_kept_for_what_a_sum_cannot_say_and_dropped_where_there_is_nothing() -> None:
    rng = np.random.default_rng(0)
    layers = {Layer(Conv2d(int(out)), (int8(int(into), 6, 6),)) for into, out in rng.integers(1, 80, (400, 2))}
    smooth = [row(layer, 4.0 * layer.step.work.macs + 900) for layer in sorted(layers, key=repr)]
    odd = [replace(each, cycles=(each.cycles or 0) * (1.5 if each.layer.inputs[0].channels % 4 else 1.0)) for each in smooth]  # type: ignore[union-attr]
    assert fit(smooth, TARGET, baselines=False).model.kind == "linear"
    fitted = fit(odd, TARGET, baselines=False)
    assert fitted.model.kind == "residual"
    assert fitted.tried["residual"]["pointwise"].mape < fitted.tried["linear"]["pointwise"].mape / 3
    assert fitted.model.differentiable_part is not None
    assert fitted.model.differentiable_part.kind == "linear"  # type: ignore[attr-defined]


def test_a_tree_follows_its_threshold() -> None:
    tree = Tree((0, -1, -1), (np.log(8.0), -0.5, 0.5), (1, 0, 0), (2, 0, 0))
    assert [tree.at((np.log(size),)) for size in (8, 9)] == [-0.5, 0.5]
    with pytest.raises(ValueError, match="onward"):
        Tree((0, -1), (0.0, 0.0), (0, 0), (1, 0))


def test_trees_say_that_they_have_no_gradient() -> None:
    torch = pytest.importorskip("torch")
    about = About("tflm-cmsis-nn@2026.10", "cortex-m4", "stm32l4r5", 120e6, "measured", 9, "0" * 64)
    forest = Forest(0.1, (Tree((-1,), (0.0,), (0,), (0,)),))
    linear = LinearParameters({"*": Sum({"mac": 2.0})})
    model = ResidualModel.of(about, ResidualParameters(linear, {"dense/optimised": forest}))
    graph = Layer(Dense(10), (int8(64),)).graph()
    assert model.predict(graph, TARGET).latency_s == pytest.approx(1280 * np.exp(0.1) / 120e6)
    searched = graph.rebind({"dense": torch.tensor(10.0, dtype=torch.float64)})
    with pytest.raises(NotDifferentiableError, match="differentiable_part"):
        model.predict(searched, TARGET)
    assert model.differentiable_part.predict(searched, TARGET).latency_s is not None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no layer"),
        (ROWS[:1], "at least 5"),
        ([replace(each, cycles=700.0) for each in ROWS], "all 700"),
        ([replace(ROWS[0], cycles=0.0), *ROWS[1:]], "above 0"),
        ([replace(each, conditions=replace(CONDITIONS, device="nrf52840")) for each in ROWS], "nrf52840"),
        ([replace(each, conditions=replace(CONDITIONS, version="2020")) for each in ROWS], "2020"),
        ([replace(ROWS[0], conditions=replace(CONDITIONS, clock_hz=80e6)), *ROWS[1:]], "clock_hz"),
    ],
)
def test_rows_that_make_no_model_are_refused(rows: list[Measurement], said: str) -> None:
    with pytest.raises(MeasurementError, match=said):
        fit(rows, TARGET)


def test_the_command_writes_a_model_and_keeps_the_old_one_when_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_records(tmp_path / "rows.csv", Records(tuple(ROWS)))
    output = tmp_path / "model.json"
    command = ["fit", str(tmp_path / "rows.csv"), "--target", "stm32l4r5", "--runtime", "tflm-cmsis-nn", "--model", "linear"]
    assert main([*command, "--output", str(output)]) == 0
    assert "one constant" in capsys.readouterr().out
    before = output.read_bytes()
    assert read_model(output).about.rows == len(ROWS)
    (tmp_path / "rows.csv").write_text("")
    assert main([*command, "--output", str(output)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert output.read_bytes() == before


def test_a_plot_is_drawn_by_its_suffix_and_another_suffix_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    write_records(tmp_path / "rows.csv", Records(tuple(ROWS)))
    output, svg, png = (tmp_path / name for name in ("model.json", "plot.svg", "plot.png"))
    command = ["fit", str(tmp_path / "rows.csv"), "--target", "stm32l4r5", "--runtime", "tflm-cmsis-nn", "--model", "linear"]
    for path in (svg, png):
        assert main([*command, "--output", str(output), "--plot", str(path)]) == 0
    assert b"<svg" in svg.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG")
    before = output.read_bytes()
    capsys.readouterr()
    assert main([*command, "--output", str(output), "--plot", str(tmp_path / "plot.jpg")]) == 2
    assert "plot.jpg" in capsys.readouterr().err
    assert output.read_bytes() == before
    assert not (tmp_path / "plot.jpg").exists()
