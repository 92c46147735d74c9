"""What check says of generated firmware is what deploy writes: the same kernels, the same bytes, whatever is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcost.cost import estimate
from hwcost.deploy.emit.calls import calls
from hwcost.deploy.lower import lower
from hwcost.deploy.lower.rules import RULES
from hwcost.deploy.planning import firmware_size, plan
from hwcost.frontends.from_onnx import from_onnx
from hwcost.kernels.plain_layers import NEEDS
from hwcost.target import Target, load_runtime

DEVICES = ["stm32l4r5", "rp2040"]
MODELS = ["resnet8", "dscnn", "autoencoder"]


def require_alike(model: Path, device: str) -> None:
    """Every array, source, struct and unit of the emission as its kernel said; the sums as check prints them."""
    target, graph = Target.load(device, "hwcost-c"), from_onnx(model)
    program = lower(graph, simplify=False)
    planned, said = plan(program, target), estimate(graph, target)
    made = calls(program, planned.variants)
    for node, kernel in zip(program.graph.nodes, planned.kernels, strict=True):
        emitted = [call.emission for call in made if call.placed.node == node.name and call.emission.function]
        if kernel.needs is None:
            assert not emitted, node.name
            continue
        assert kernel.needs.packed_bytes == sum(-(-array.bytes // 4) * 4 for each in emitted for array in each.arrays), node.name
        assert set(kernel.needs.functions) == {Path(source).stem for each in emitted for source in each.sources}, node.name
        assert {kernel.needs.struct} == {each.struct for each in emitted}, node.name
        assert kernel.needs.calls == len(emitted), node.name
        assert kernel.needs.unit_bytes.keys() == {unit.name for each in emitted for unit in each.units}, node.name
    size = firmware_size([call.emission for call in made], planned, target)
    assert said.flash_bytes == size.flash_bytes
    assert said.ram_bytes == planned.cost.ram.arena_bytes + size.stack_bytes + planned.cost.ram.reserved_bytes


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MODELS)
def test_check_says_what_deploy_writes(shared: Path, name: str, device: str) -> None:
    require_alike(shared / "models" / f"mlperf_tiny_{name}_int8_qdq.onnx", device)


@pytest.fixture(scope="module")
def random_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    from tools.deploying.networks import random_networks

    return list(random_networks(4, 0, tmp_path_factory.mktemp("random")))


@pytest.mark.parametrize("device", DEVICES)
def test_check_says_what_deploy_writes_of_random_networks(random_files: list[Path], device: str) -> None:
    for model in random_files:
        require_alike(model, device)


def test_the_runtime_runs_what_is_lowered_and_what_kernels_say_they_need() -> None:
    runtime = load_runtime("hwcost-c")
    free = {kind for rule in runtime.kernels if rule.kernel == "free" for kind in rule.kinds}
    assert set(runtime.kinds) - free == NEEDS.keys()
    assert NEEDS.keys() <= {op.kind for op in RULES}
