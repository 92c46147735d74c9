"""A small network all the way: lowered, written, built, run on an emulated core, compared."""

import pytest

from hwcost.errors import BudgetError, InputError
from hwcost.target import Target
from hwcost.verify.deployment import Order, deployed
from tests.deploy.qdq import Model

pytest.importorskip("unicorn")
pytest.importorskip("ziglang")

DEVICES = ["stm32l4r5", "rp2040", "esp32c3"]


def small(folder):
    """A 3x3 convolution, a pointwise one and a pool over all places."""
    import numpy as np

    rng = np.random.default_rng(0)
    model = Model(folder)
    x = model.input("x", (4, 6, 6), 0.05, 3)
    w = model.weights("w", rng.integers(-127, 128, (8, 4, 3, 3)), np.full(8, 0.01))
    b = model.bias("b", rng.integers(-500, 500, 8), np.full(8, 0.0005))
    y = model.node("Conv", [x, w, b], "y", 0.1, -20, pads=[1, 1, 1, 1])
    v = model.weights("v", rng.integers(-127, 128, (4, 8, 1, 1)), np.full(4, 0.02))
    z = model.node("Conv", [y, v], "z", 0.2, 5)
    model.node("GlobalAveragePool", [z], "pooled", 0.1, 0)
    return model.saved("pooled")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("device", DEVICES)
def test_the_firmware_answers_as_the_program_and_takes_what_was_predicted(model, tmp_path, device):
    truth = deployed(Order(model, Target.load(device, "hwcost-c"), tmp_path / "fw"), board="emulated")
    assert truth.agreement.bit_exact
    assert truth.agreement.ort_max_lsb <= 1
    said, found = truth.predicted, truth.measured
    assert abs(found.ram_bytes - said.ram_bytes) <= max(128, found.ram_bytes // 100)
    assert abs(found.flash_bytes - said.flash_bytes) <= 0.03 * found.flash_bytes
    assert found.ram_bytes >= found.stack_bytes > 0
    assert found.latency_s == pytest.approx(found.cycles / Target.load(device).clock_hz)


def test_layers_run_alone_take_what_they_take_together(model, tmp_path):
    truth = deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw"), board="emulated")
    alone = sum(layer.instructions for layer in truth.layers)
    assert alone < truth.measured.instructions < alone + 400


def test_two_runs_write_and_measure_the_same(model, tmp_path):
    target = Target.load("stm32l4r5", "hwcost-c")
    first, second = (deployed(Order(model, target, tmp_path / name), board="emulated") for name in ("a", "b"))
    assert first == second
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").iterdir() if path.is_file()]
    assert files
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


@pytest.mark.parametrize("objective", ["time", "flash", "balanced"])
def test_every_objective_gives_the_same_answers(model, tmp_path, objective):
    truth = deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw", optimise=objective), board="emulated")
    assert truth.agreement.bit_exact


def test_time_is_no_slower_and_flash_is_no_larger(model, tmp_path):
    target = Target.load("stm32l4r5", "hwcost-c")
    found = {
        objective: deployed(Order(model, target, tmp_path / objective, optimise=objective), board="emulated").measured
        for objective in ("time", "flash", "balanced")
    }
    assert found["time"].cycles <= found["balanced"].cycles < found["flash"].cycles
    assert found["flash"].flash_bytes <= found["balanced"].flash_bytes <= found["time"].flash_bytes


def test_nothing_is_written_for_a_device_that_is_too_small(model, tmp_path, root):
    text = (root / "targets/devices/stm32l4r5.toml").read_text()
    text = text.replace('name = "stm32l4r5"', 'name = "tiny"').replace("655_360", "512")
    path = tmp_path / "tiny.toml"
    path.write_text(text)
    with pytest.raises(BudgetError, match="RAM"):
        deployed(Order(model, Target.load(path, "hwcost-c"), tmp_path / "fw"), board="emulated")
    assert not (tmp_path / "fw").exists()


def test_flash_is_judged_as_predicted_to_the_byte(model, tmp_path, root):
    text = (root / "targets/devices/stm32l4r5.toml").read_text().replace('name = "stm32l4r5"', 'name = "tight"')
    needed = deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "roomy")).predicted.flash_bytes
    for spare, fits in ((0, True), (-1, False)):
        path = tmp_path / f"tight{spare}.toml"
        path.write_text(text.replace("2_097_152", str(needed + spare)))
        order = Order(model, Target.load(path, "hwcost-c"), tmp_path / f"fw{spare}")
        if fits:
            deployed(order)
        else:
            with pytest.raises(BudgetError, match="flash"):
                deployed(order)
        assert order.output.exists() is fits


def test_an_unknown_board_is_named(model, tmp_path):
    with pytest.raises(InputError, match="toaster"):
        deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw"), board="toaster")


def test_a_network_of_floats_needs_examples(tmp_path):
    from tests.cli.conftest import conv_net

    with pytest.raises(InputError, match="--calibration"):
        deployed(Order(conv_net(tmp_path / "float.onnx"), Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw"))


@pytest.mark.parametrize("name", ["resnet8", "dscnn", "autoencoder"])
def test_the_networks_of_mlperf_tiny(shared, tmp_path, name):
    model = shared / f"models/mlperf_tiny_{name}_int8_qdq.onnx"
    truth = deployed(Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw"), board="emulated")
    assert truth.agreement.bit_exact
    assert truth.agreement.ort_within_one_fraction == 1.0
    assert abs(truth.measured.flash_bytes - truth.predicted.flash_bytes) <= 0.03 * truth.measured.flash_bytes
    assert abs(truth.measured.ram_bytes - truth.predicted.ram_bytes) <= max(128, truth.measured.ram_bytes // 100)


def test_what_a_float_network_was_quantised_to_is_in_the_folder_and_its_own(tmp_path):
    import numpy as np

    from hwcost.frontends.from_onnx import from_onnx
    from tests.cli.conftest import conv_net

    model = conv_net(tmp_path / "float.onnx")
    ((name, spec),) = from_onnx(model).inputs.items()
    data = tmp_path / "data.npz"
    np.savez(data, **{name: np.random.default_rng(0).normal(size=(8, *spec.shape)).astype(np.float32)})
    order = Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw", calibration=data)
    first = deployed(order, board="emulated")
    assert first.agreement.bit_exact
    made = (tmp_path / "fw/model.int8.onnx").read_bytes()
    assert "  model.int8.onnx\n" in (tmp_path / "fw/hwcost-files.txt").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "float.onnx", "fw"]
    assert deployed(order, board="emulated") == first
    assert (tmp_path / "fw/model.int8.onnx").read_bytes() == made


def test_inputs_that_cannot_be_read_are_called_inputs(model, tmp_path):
    order = Order(model, Target.load("stm32l4r5", "hwcost-c"), tmp_path / "fw")
    with pytest.raises(InputError, match=r"cannot read inputs '.*none.npz'"):
        deployed(order, board="emulated", inputs=tmp_path / "none.npz")


def test_a_network_spread_over_two_regions_is_linked_and_runs_in_both(tmp_path, root):
    from tests.verify.test_asked_run import separable

    text = (root / "targets/devices/stm32l476.toml").read_text().replace('name = "stm32l476"', 'name = "two"')
    (tmp_path / "two.toml").write_text(text.replace("98_304", "2_500").replace("32_768", "2_500"))
    truth = deployed(Order(separable(tmp_path), Target.load(tmp_path / "two.toml", "hwcost-c"), tmp_path / "fw"), board="emulated")
    assert truth.agreement.bit_exact
    assert abs(truth.measured.ram_bytes - truth.predicted.ram_bytes) <= 128
    script = (tmp_path / "fw/build/firmware.ld").read_text()
    assert "LENGTH = 2500" in script.split("RAM1", 1)[1]
