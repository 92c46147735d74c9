"""Configurations as people write them, and as they get them wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from hwcost import Budget, Target
from hwcost.checking import Pricing
from hwcost.errors import InputError
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.config import Config
from hwcost.nas.shares import SharedBudget
from tests.nas.networks import Residual, example

MINIMAL = 'task = "digits"\ntarget = "stm32l4r5"\nruntime = "tflm-cmsis-nn"\n[budget]\nmax_ram = "40KiB"\n'


def load(tmp_path: Path, text: str, *settings: str) -> Config:
    path = tmp_path / "search.toml"
    path.write_text(text)
    return Config.load(path, settings)


def test_every_example_loads(root: Path) -> None:
    paths = sorted((root / "examples").glob("*.toml"))
    assert paths
    assert all(Config.load(path).runtime for path in paths)


def test_keys_can_be_set(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL, "schedule.search_epochs=3", "seeds=[1, 2]", "target=rp2040", "budget.max_flash=25%", "baseline=false")
    assert (config.schedule.search_epochs, config.seeds, config.target, config.baseline) == (3, (1, 2), "rp2040", False)
    assert config.budget == SharedBudget(Budget(ram_bytes=40960), {"flash_bytes": Fraction(1, 4)})


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ('task = "digits"', (), r"4 faults|3 faults"),
        (MINIMAL + "[schedule]\nepochs = 3\n", (), "unknown key 'epochs'"),
        (MINIMAL, ("strateg=projection",), "unknown key 'strateg'; did you mean 'strategy'"),
        (MINIMAL, ("schedule.batch_size=1",), "--set schedule.batch_size: batch_size: expected at least 2 examples"),
        (MINIMAL, ("choice.decided=0",), "--set choice.decided: decided: expected a share of the search above 0"),
        (MINIMAL + "[choice]\nprior = 1.0\n", (), r"\[choice\]: prior: expected a probability between 0 and 1"),
        (MINIMAL, ("budget.max_flash=101%",), r"with --set budget.max_flash: max_flash: expected a share above 0 and up to 100%"),
        (MINIMAL, ("seeds=[1, 1]",), "different whole numbers"),
        (MINIMAL, ("granularity=0",), "at least 1 channel"),
        (MINIMAL, ("confidence=2",), "between 0 and 1"),
        (MINIMAL, ("budget.max_flash=0%",), "expected a share above 0"),
        (MINIMAL, ("budget.max_flash=1,5%",), "expected a share above 0"),
        (MINIMAL, ("budget.ram_bytes=1000", "budget.max_ram=20%"), "limited twice, as a share and as a quantity"),
        (MINIMAL, ("budget.max_speed=3",), "unknown key 'max_speed'"),
        (MINIMAL, ("a.b.c=1",), "expected KEY=VALUE or TABLE.KEY=VALUE"),
        (MINIMAL, ("nothing",), "expected KEY=VALUE"),
        (MINIMAL, ("task.name=3",), "task is no table"),
        (MINIMAL.replace("[budget]", "[budgets]"), (), "expected a key 'budget'"),
    ],
)
def test_faults_are_told(text: str, settings: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        load(tmp_path, text, *settings)


def test_shares_are_of_the_networks_own_bytes() -> None:
    target = Target.load("stm32l4r5")
    seed = Pricing().cost(from_torch(Residual(), example(Residual)), target)
    shared = SharedBudget.from_table({"max_flash": "25%", "max_ram": "50 %", "max_latency": "10ms", "max_energy": "12.5%"}, "here")
    budget = shared.of(seed)
    assert seed.flash_bytes - budget.flash_bytes == seed.flash.network_bytes - seed.flash.network_bytes // 4
    assert seed.ram_bytes - budget.ram_bytes == seed.ram.arena_bytes - seed.ram.arena_bytes // 2
    assert (budget.latency_s, budget.energy_j) == (0.01, seed.energy_j / 8)


def test_a_share_of_what_nobody_can_price_is_refused() -> None:
    seed = Pricing().cost(from_torch(Residual(), example(Residual)), Target.load("rp2040"))
    with pytest.raises(InputError, match="no share of what is absent: energy"):
        SharedBudget.from_table({"max_energy": "50%"}, "here").of(seed)


def test_a_configuration_reads_the_same_in_every_process():
    # A checkpoint knows its configuration by its text; the order of a set of names changes from process to process.
    program = (
        "from hwcost.nas.shares import SharedBudget;"
        "print(SharedBudget.from_table({'max_ram': '50%', 'max_flash': '25%', 'max_latency': '40%', 'max_energy': '40%'}, 'x'))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2", "3", "4")
    }
    assert len(told) == 1
