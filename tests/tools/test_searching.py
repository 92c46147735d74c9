"""What the benchmark of searches counts, and what the reproduction keeps and writes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hwcost import Budget, Target
from hwcost.cost import estimate
from hwcost.frontends.from_torch import from_torch
from hwcost.tasks import TASKS


@pytest.fixture(scope="module")
def part(root: Path):
    def load(name: str) -> ModuleType:
        sys.path.insert(0, str(root / "tools"))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(root / "tools"))

    return load


def test_twelve_runs_are_every_network_under_every_budget_and_sixty_are_those_with_five_seeds(part) -> None:
    landings = part("searching.landings")
    few, many = landings.runs(1), landings.runs(5)
    assert (len(few), len(many)) == (12, 60)
    assert {run.seed for run in few} == {run.seed for run in many} == set(range(5))
    assert {(run.network, *run.limits.items()) for run in few} == {(run.network, *run.limits.items()) for run in many}


def test_use_is_of_what_a_search_can_change(part) -> None:
    network = part("searching.networks").NETWORKS[0]
    cost = estimate(from_torch(network.make(), network.example_input()).as_int8(), Target.load("stm32l4r5", runtime="tflm-cmsis-nn"))
    code, own = cost.flash_bytes - cost.flash.network_bytes, cost.flash.network_bytes
    budget = Budget(flash_bytes=code + 2 * own, latency_s=4 * cost.latency_s, ram_bytes=cost.ram_bytes)
    used = part("searching.usage").own_usage(cost, cost, budget, ["max_flash", "max_latency", "max_ram"])
    assert used == pytest.approx({"max_flash": 0.5, "max_latency": 0.25, "max_ram": 1.0})
    assert set(part("searching.usage").own_usage(cost, cost, budget, ["max_ram"])) == {"max_ram"}


def row(part, method: str, budget: str, seed: int, **found: object) -> dict[str, object]:
    cell = part("reproducing.cells").Cell("digits", method, budget, seed, (10, 15, 10))
    return cell.row(metric="accuracy", **found)


def test_rows_are_kept_one_by_one_and_a_line_cut_off_is_done_again(part, tmp_path: Path) -> None:
    cells = part("reproducing.cells")
    rows = cells.Rows(tmp_path / "deep" / "rows.jsonl")
    wanted = cells.grid("digits", ["seed", "width"], ["headline"], [0, 1], (10, 15, 10))
    assert [cell.method for cell in wanted] == ["seed", "width", "seed", "width"]
    assert rows.missing(wanted) == wanted
    rows.add(wanted[0].row(score=0.5))
    rows.add(wanted[1].row(score=0.75))
    whole = rows.path.read_bytes()
    rows.path.write_bytes(whole[:-5])
    assert rows.missing(wanted) == wanted[1:]
    rows.add(wanted[2].row(score=0.25))
    assert [found["score"] for found in rows.read()] == [0.5, 0.25]
    assert rows.missing(wanted) == [wanted[1], wanted[3]]


def test_rows_of_other_epochs_are_others(part, tmp_path: Path) -> None:
    cells = part("reproducing.cells")
    rows = cells.Rows(tmp_path / "rows.jsonl")
    (cell,) = cells.grid("digits", [], [], [0], (1, 1, 1))
    rows.add(cell.row(score=1.0))
    assert len(rows.missing(cells.grid("digits", [], [], [0], (2, 1, 1)))) == 1


def test_the_page_holds_means_of_the_rows_and_what_was_not_run(part) -> None:
    rows = [
        *(row(part, "seed", "none", seed, score=score, seconds=10.0, used={}) for seed, score in enumerate((0.9, 0.8, 0.7))),
        *(
            row(part, "width", "headline", seed, score=score, seconds=11.0, used={"max_flash": 0.99, "max_latency": 0.5})
            for seed, score in enumerate((0.9, 0.8, 0.4))
        ),
        row(part, "uniform", "headline", 0, refused="no widths meet it"),
    ]
    page = part("reproducing.document").document(rows)
    assert "| none | seed | 80.0 ± 10.0 | +0.0 | 3 |  | 1.00 |" in page
    assert "| headline | width | 70.0 ± 26.5 | -10.0 | 3 | flash 99.0, latency 50.0 | 1.10 |" in page
    assert "| headline | uniform | none | | 1 | no widths meet it | |" in page
    assert "methods not run: choice, both, magnitude, ramp, random" in page
    assert "fewer than 3 seeds: uniform (headline)" in page
    assert all(f"- {name}: not run" in page for name in TASKS if name != "digits")
    assert "- digits: not run" not in page


def test_every_budget_and_method_can_be_asked_for(part) -> None:
    cells, methods = part("reproducing.cells"), part("reproducing.methods")
    assert len(cells.BUDGETS) == 14
    assert cells.BUDGETS["headline, RAM 35"] == {"max_flash": "12.6%", "max_latency": "45.8%", "max_ram": "35%"}
    assert set(methods.SUPERNETS) <= set(TASKS)
