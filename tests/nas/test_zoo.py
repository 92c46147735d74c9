"""Networks as users write them: searched under a budget, exported exactly, and counted from the file; or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hwcost import Budget, Target, nas
from hwcost.errors import InputError
from tests.nas.zoo import NETWORKS
from tests.nas.zoo_search import DEVICE, EXACT, RUNTIME, STEPS, searched

REFUSED = {"GRUHead": "'gru': .* has no kernel for gru", "Mixer": "'blocks.0.norm1': .* has no kernel for batch_norm"}
"""What is said of a network that is not searched."""
FROZEN = {
    "ShuffleNetV2": ("stem.0.0", "split 'stage.0.chunk' needs its input as it is"),
    "ResNeXt": ("layer1.grouped.0", "conv2d 'layer1.grouped.0' needs its own width as it is"),
    "ConvTransformer": ("stem.4", "the module does not run without some of its channels"),
    "Mixer": ("blocks.0.over_time.2", "add 'blocks.0.add' ties it to what cannot follow"),
    "Autoencoder": ("back", "reshape 'view' needs its input as it is"),
    "GRUHead": ("features.3", "the rows of 'gru.weight_ih_l0' do not follow one width"),
}
"""A part that keeps its width, and why."""


def test_there_are_fourteen_of_which_twelve_must_do() -> None:
    assert len(NETWORKS) == 14
    assert len(NETWORKS.keys() - REFUSED) >= 12


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in REFUSED])
def test_a_network_is_searched_and_exported_exactly(name: str, tmp_path: Path) -> None:
    found = searched(name, tmp_path)
    assert found.difference <= EXACT
    assert found.report.verdict == "fits"
    assert {"flash_bytes", "ram_bytes"} <= set(found.report.usage)
    assert max(found.report.usage.values()) > 0.94
    narrower = [group for group in found.space.free if found.space.widths[group.name] < group.size]
    assert narrower
    before, after = (sum(p.numel() for p in part.parameters()) for part in (found.space.module, found.small))
    assert after < before
    assert found.is_exact


@pytest.mark.parametrize(("name", "said"), REFUSED.items())
def test_a_network_that_cannot_run_is_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as refused:
        searched(name, tmp_path)
    assert str(refused.value).startswith("the network cannot run under ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "part", "why"), [(name, *rest) for name, rest in FROZEN.items()])
def test_a_part_that_stays_says_why(name: str, part: str, why: str) -> None:
    kind, shape = NETWORKS[name]
    space = nas.prunable(kind(), torch.zeros(1, *shape))
    assert space.free
    assert why in next(group.frozen for group in space.groups if group.name == part)


def test_a_latency_limit_that_nobody_can_judge_is_refused() -> None:
    kind, shape = NETWORKS["ConvTransformer"]
    space = nas.prunable(kind(), torch.zeros(1, *shape))
    with pytest.raises(InputError, match=r"no latency figure for a reference layer_norm on cortex-m4 \('block.norm1'"):
        nas.Limits(space, Target.load(DEVICE, runtime=RUNTIME), Budget(latency_s=1.0), steps=STEPS)
