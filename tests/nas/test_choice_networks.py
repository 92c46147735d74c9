"""The networks that a configuration can name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hwcost.errors import InputError
from hwcost.nas.choice import choices_of
from hwcost.nas.config import Config
from hwcost.nas.networks import network_of
from hwcost.nas.supernets import SUPERNETS, supernet
from hwcost.tasks import task_named

SHAPES = {"resnet8-choice": (3, 32, 32), "dscnn-choice": (1, 49, 10), "mobilenetv1-choice": (3, 96, 96)}
COUNTS = {"resnet8-choice": 6, "dscnn-choice": 4, "mobilenetv1-choice": 13}


@pytest.mark.parametrize("name", SUPERNETS)
def test_networks_with_choices_take_what_they_are_made_for(name: str) -> None:
    network = supernet(name, SHAPES[name], 7).eval()
    assert network(torch.zeros(2, *SHAPES[name])).shape == (2, 7)
    assert len(choices_of(network)) == COUNTS[name]
    for choice in choices_of(network).values():
        assert ("identity" in choice.names) == any(isinstance(way, nn.Identity) for way in choice.alternatives)


def test_the_network_of_a_task_can_be_another() -> None:
    digits = task_named("digits")
    network = network_of(digits, "resnet8-choice").eval()
    assert network(digits.example_input()).shape == (1, 10)
    assert not choices_of(network_of(digits, None))


def test_networks_that_do_not_fit_are_refused() -> None:
    digits = task_named("digits")
    with pytest.raises(InputError, match="resnet8-choice"):
        network_of(digits, "resnet8-choises")
    with pytest.raises(InputError, match="cannot take the task's inputs"):
        network_of(digits, "resnet8")


def test_a_configuration_tells_how_choices_are_learned() -> None:
    tables = {
        "task": "digits",
        "target": "stm32l4r5",
        "runtime": "tflm-cmsis-nn",
        "budget": {"max_flash": "50%"},
        "network": "resnet8-choice",
    }
    config = Config.from_tables({**tables, "choice": {"mode": "gumbel", "icv": 0.5, "updates": "alternating"}}, "here")
    assert (config.network, config.choice.mode, config.choice.icv, config.choice.updates) == (
        "resnet8-choice",
        "gumbel",
        0.5,
        "alternating",
    )
    with pytest.raises(InputError, match=r"\[choice\].*mode"):
        Config.from_tables({**tables, "choice": {"mode": "hard"}}, "here")
