"""Kernels over time: which taps can stay, what is left of the module, what that costs, and a search that lands with fewer of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.budget import METRICS
from hwcost.checking import check
from hwcost.cost import estimate
from hwcost.errors import InputError, ShapeError
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.costs import Costs
from hwcost.nas.landing import ladders
from hwcost.nas.projection import Ladder
from hwcost.nas.shares import SharedBudget
from hwcost.nas.taps import any_padding_moves, best_patterns, living, own_padding_moves, patterns_of
from hwcost.nas.trial import difference
from hwcost.ops.conv import Conv1d, DepthwiseConv1d, Taps
from hwcost.tasks import reference_network
from tests.exporting import onnx_file
from tests.nas.networks import trained

TARGET = Target.load("stm32l4r5", runtime="tflm-cmsis-nn")


class Chomp(nn.Module):
    """What the convolution before it has made too much at the end is cut off."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x):
        return x[:, :, : -self.extra].contiguous()


class Temporal(nn.Module):
    """Every way to pad: its own, `same` with an even kernel, a layer before it, none, chomped, with a stride; depthwise and in groups."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv1d(3, 8, 9, padding=4, bias=False), nn.BatchNorm1d(8)
        self.deep = nn.Conv1d(8, 8, 5, padding=4, dilation=2, groups=8)
        self.point = nn.Conv1d(8, 6, 1)
        self.even = nn.Conv1d(6, 6, 4, padding="same")
        self.pad, self.uneven = nn.ZeroPad1d((3, 2)), nn.Conv1d(6, 6, 6)
        self.grouped = nn.Conv1d(6, 6, 3, padding=1, groups=2)
        self.valid = nn.Conv1d(6, 6, 5)
        self.late, self.chomp = nn.Conv1d(6, 5, 3, padding=4, dilation=2), Chomp(4)
        self.down = nn.Conv1d(5, 5, 8, stride=4, padding=2)
        self.fc = nn.Linear(5, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(self.point(F.relu(x + self.deep(x))))
        x = F.relu(self.uneven(self.pad(F.relu(x + self.even(x)))))
        x = F.relu(self.valid(F.relu(self.grouped(x))))
        return self.fc(F.relu(self.down(F.relu(self.chomp(self.late(x))))).mean(-1))


def causal(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0),
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class Head(nn.Module):
    """A mean over time and a classifier behind some layers."""

    def __init__(self, *layers: nn.Module, width: int, classes: int = 3) -> None:
        super().__init__()
        self.layers, self.fc = nn.Sequential(*layers), nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.layers(x).mean(-1))


def keep_some(space: nas.Space, rng: np.random.Generator) -> None:
    """Random channels of every group, and a random pattern of every kernel."""
    for group in space.free:
        if group.kernel is None:
            kept = np.isin(np.arange(group.size), rng.permutation(group.size)[: rng.choice(group.widths)])
        else:
            kept = living(group.kernel.patterns[rng.integers(len(group.kernel.patterns))], group.size)
        space.keep({group.name: kept})


def require_equal(searched: nn.Module, small: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        made = [copy.deepcopy(part).double().eval()(x.double()) for part in (small, searched)]
    assert difference(made[:1], made[1:]) < 1e-12


def kernel_of(space: nas.Space, name: str) -> nas.Group:
    return next(group for group in space.groups if group.name == f"{name}.kernel")


def counted(patterns: tuple[Taps, ...]) -> dict[tuple[int, int], list[list[int]]]:
    """Places by (step, count)."""
    found: dict[tuple[int, int], list[list[int]]] = {}
    for taps in patterns:
        found.setdefault((taps.step, taps.count), []).append(list(taps.places))
    return found


def test_a_causal_kernel_of_nine_keeps_its_most_recent_taps() -> None:
    found = counted(patterns_of(9, 1, any_padding_moves(9, 1, (8, 0))))
    assert found == {
        **{(1, count): [list(range(9 - count, 9))] for count in range(1, 10)},
        (2, 2): [[6, 8]],
        (2, 3): [[4, 6, 8]],
        (2, 4): [[2, 4, 6, 8]],
        (2, 5): [[0, 2, 4, 6, 8]],
        (4, 2): [[4, 8]],
        (4, 3): [[0, 4, 8]],
        (8, 2): [[0, 8]],
    }


def test_a_kernel_of_nine_that_pads_itself_keeps_a_pattern_around_its_middle() -> None:
    found = counted(patterns_of(9, 1, own_padding_moves(9, 1, (4, 4), is_same=False)))
    assert found == {
        (1, 1): [[4]],
        (1, 3): [[3, 4, 5]],
        (1, 5): [[2, 3, 4, 5, 6]],
        (1, 7): [[1, 2, 3, 4, 5, 6, 7]],
        (1, 9): [[0, 1, 2, 3, 4, 5, 6, 7, 8]],
        (2, 2): [[3, 5]],
        (2, 3): [[2, 4, 6]],
        (2, 4): [[1, 3, 5, 7]],
        (2, 5): [[0, 2, 4, 6, 8]],
        (4, 2): [[2, 6]],
        (4, 3): [[0, 4, 8]],
        (8, 2): [[0, 8]],
    }


def test_a_kernel_without_padding_keeps_its_first_and_its_last_tap() -> None:
    found = counted(patterns_of(9, 1, own_padding_moves(9, 1, (0, 0), is_same=False)))
    assert found == {(1, 9): [list(range(9))], (2, 5): [[0, 2, 4, 6, 8]], (4, 3): [[0, 4, 8]], (8, 2): [[0, 8]]}


def test_padding_follows_the_taps() -> None:
    whole = Conv1d(4, kernel=(9,), padding=((24, 0),), dilation=(3,))
    assert whole.with_taps(Taps(2, 2, 4)) == Conv1d(4, kernel=(4,), padding=((18, 0),), dilation=(6,))
    assert whole.with_taps(Taps(8, 1, 1)) == Conv1d(4, kernel=(1,), padding=((0, 0),), dilation=(1,))
    even = DepthwiseConv1d(kernel=(5,), padding=((2, 2),))
    assert even.with_taps(Taps(1, 2, 2)) == DepthwiseConv1d(kernel=(2,), padding=((1, 1),), dilation=(2,))


@pytest.mark.parametrize("taps", [Taps(0, 1, 8), Taps(1, 1, 9), Taps(-1, 1, 3), Taps(0, 1, 0)])
def test_taps_that_no_padding_can_follow_are_refused(taps: Taps) -> None:
    with pytest.raises(ShapeError, match="cannot keep"):
        Conv1d(4, kernel=(9,), padding=((8, 0),)).with_taps(taps)


def test_the_best_pattern_of_each_number_is_kept() -> None:
    patterns = patterns_of(5, 1, any_padding_moves(5, 1, (4, 0)))
    best = best_patterns(patterns, np.array([7.0, 0.0, 3.0, 1.0, 2.0]))
    assert {count: list(taps.places) for count, taps in best.items()} == {
        1: [4],  # worth 2
        2: [0, 4],  # 9, and the two neighbours 3
        3: [0, 2, 4],  # 12, and the three neighbours 6
        4: [1, 2, 3, 4],
        5: [0, 1, 2, 3, 4],
    }


def test_a_ladder_has_no_rung_that_is_worth_less_than_a_lower_one() -> None:
    patterns, worth = patterns_of(5, 1, any_padding_moves(5, 1, (4, 0))), np.array([7.0, 0.0, 3.0, 1.0, 2.0])
    ladder, whole = Ladder.of_taps(patterns, worth), Ladder.of_taps(patterns, worth, every=True)
    assert ladder.widths.tolist() == [1, 2, 3, 5]
    assert whole.widths.tolist() == [1, 2, 3, 4, 5]
    assert ladder.kept(ladder.rung(3)).tolist() == [True, False, True, False, True]
    # Of five taps the best counts five times, the second best 5/2 times, the third 5/3 times...
    assert np.allclose(ladder.value, [2 * 5, 7 * 5 + 2 * 5 / 2, 7 * 5 + 3 * 5 / 2 + 2 * 5 / 3, 7 * 5 + 3 * 5 / 2 + 2 * 5 / 3 + 1 * 5 / 4])
    assert [whole.rung(width) for width in (1, 4, 5)] == [0, 3, 4]


def test_every_way_to_pad_is_searched_and_exported_exactly() -> None:
    model, x = trained(Temporal()), torch.randn(2, 3, 40)
    space = nas.prunable(model, x[:1])
    kernels = {group.name: group.widths for group in space.free if group.kernel is not None}
    assert kernels == {
        "stem.kernel": (1, 2, 3, 4, 5, 7, 9),
        "deep.kernel": (1, 2, 3, 5),
        "even.kernel": (1, 2, 3, 4),
        "uneven.kernel": (1, 2, 3, 4, 5, 6),
        "grouped.kernel": (1, 2, 3),
        "valid.kernel": (2, 3, 5),
        "late.kernel": (1, 2, 3),
        "down.kernel": (4, 6, 8),
    }
    rng = np.random.default_rng(0)
    for _ in range(6):
        keep_some(space, rng)
        small = space.export()
        require_equal(model, small, x)
        assert from_torch(small, x[:1]) == space.network(space.widths)
        assert {type(part).__module__.partition(".")[0] for part in small.modules()} <= {"torch", "tests"}


@pytest.mark.parametrize("taps", [Taps(0, 2, 2), Taps(1, 1, 2), Taps(0, 1, 3), Taps(1, 1, 1)])
def test_a_kernel_of_same_padding_runs_under_onnxruntime(taps: Taps, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model, x = trained(Head(nn.Conv1d(3, 4, 4, padding="same"), nn.ReLU(), width=4)), torch.randn(1, 3, 16)
    space = nas.prunable(model, x)
    kernel = kernel_of(space, "layers.0").kernel
    assert kernel is not None
    space.keep({"layers.0.kernel": living(taps, 4)})
    assert space.taps["layers.0"] == kernel.holding(living(taps, 4))
    small = space.export()
    path = tmp_path / "small.onnx"
    path.write_bytes(onnx_file(small, (x,), exporter="torchscript"))
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert np.allclose(found, small(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_layer_that_pads_takes_the_new_amounts() -> None:
    model = trained(Head(causal(3, 4, 9, dilation=2), width=4))
    space = nas.prunable(model, torch.zeros(1, 3, 32))
    space.keep({"layers.0.1.kernel": living(Taps(2, 2, 4), 9)})
    assert space.taps == {"layers.0.1": Taps(2, 2, 4)}
    pad, conv = space.export().layers[0][:2]
    assert (conv.kernel_size, conv.dilation, conv.padding, pad.padding) == ((4,), (4,), (0,), (12, 0))
    assert torch.equal(conv.weight, model.layers[0][1].parametrizations.weight.original[:, :, 2::2])


def test_taps_that_are_no_pattern_bring_the_shortest_one_with_them() -> None:
    space = nas.prunable(Head(causal(3, 4, 9), width=4), torch.zeros(1, 3, 32))
    space.keep({"layers.0.1.kernel": np.isin(np.arange(9), [4, 8])})
    assert np.flatnonzero(space.kept["layers.0.1.kernel"]).tolist() == [4, 8]
    space.keep({"layers.0.1.kernel": np.isin(np.arange(9), [3, 6])})
    assert np.flatnonzero(space.kept["layers.0.1.kernel"]).tolist() == [3, 4, 5, 6, 7, 8]


def test_masked_taps_change_nothing_are_not_trained_and_have_a_worth() -> None:
    model = Head(causal(3, 4, 5), width=4)
    space = nas.prunable(model, torch.zeros(1, 3, 32))
    space.keep({"layers.0.1.kernel": np.arange(5) >= 3})
    model(torch.randn(8, 3, 32)).square().sum().backward()
    weight = model.layers[0][1].parametrizations.weight.original
    assert weight.grad[:, :, :3].abs().max() == 0
    assert weight.grad[:, :, 3:].abs().min() > 0
    assert bool((space.masks["layers.0.1.kernel"].leaf.grad != 0).all())


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(3, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(self.conv(F.relu(self.conv(x))).mean(-1))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight, self.fc = nn.Parameter(torch.randn(4, 3, 3)), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(F.conv1d(x, self.weight, padding=1).mean(-1))


class Left(nn.Conv1d):
    """A causal convolution as many write it: what it pads is a number in its code."""

    def forward(self, x):
        return super().forward(F.pad(x, ((self.kernel_size[0] - 1) * self.dilation[0], 0)))


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pad, self.fc = nn.ConstantPad1d((3, 0), 0.0), nn.Linear(4, 2)
        self.a, self.b = nn.Conv1d(3, 4, 4), nn.Conv1d(3, 4, 4)

    def forward(self, x):
        x = self.pad(x)
        return self.fc((self.a(x) + self.b(x)).mean(-1))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Twice(), "'conv.weight' is read more than once"),
        (Functional(), "'weight' belongs to no torch.nn.Conv1d"),
        (Shared(), "its outputs would move"),
        (Head(nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular"), width=4), "it pads in mode 'circular'"),
        (Head(nn.Conv1d(3, 4, 4), width=4), "with fewer of its 4 taps its outputs would move"),
        (Head(nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 3, padding=1)), width=4), "no torch.nn.Conv1d"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_kernels_that_cannot_lose_taps_say_why(model: nn.Module, reason: str) -> None:
    space = nas.prunable(model, torch.randn(1, 3, 16))
    reasons = [group.frozen for group in space.groups if group.layer is not None]
    assert reasons
    assert all(why is not None and reason in why for why in reasons)


def test_a_convolution_that_pads_in_its_own_code_is_exported_exactly() -> None:
    model, x = trained(Head(Left(3, 4, 5), nn.ReLU(), width=4)), torch.randn(2, 3, 16)
    space = nas.prunable(model, x[:1])
    keep_some(space, np.random.default_rng(1))
    require_equal(model, space.export(), x)


def test_kernels_can_be_frozen_by_name_and_all_together() -> None:
    def frozen(**options: Any) -> dict[str, str | None]:
        model = Head(causal(3, 4, 3), causal(4, 4, 3), width=4)
        space = nas.prunable(model, torch.zeros(1, 3, 16), **options)
        return {group.name: group.frozen for group in space.groups if group.name != "fc"}

    assert set(frozen().values()) == {None}
    only = frozen(freeze=["layers.0.1.kernel"])
    assert [name for name, reason in only.items() if reason] == ["layers.0.1.kernel"]
    layer = frozen(freeze=["layers.0.1"])
    assert [name for name, reason in layer.items() if reason] == ["layers.0.1", "layers.0.1.kernel"]
    assert [name for name, reason in frozen(kernel=False).items() if reason] == ["layers.0.1.kernel", "layers.1.1.kernel"]
    with pytest.raises(InputError, match="names no part"):
        frozen(freeze=["layers.0.0.kernel"])


@settings(max_examples=25)
@given(
    kernel=st.integers(2, 12),
    dilation=st.integers(1, 3),
    padding=st.sampled_from(["causal", "none", "own", "same", "before and own"]),
    is_deep=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_any_kernel_is_exported_exactly(kernel: int, dilation: int, padding: str, is_deep: bool, seed: int) -> None:
    span = (kernel - 1) * dilation
    before = {"causal": (span, 0), "before and own": (dilation, span)}.get(padding)
    own: Any = {"own": span // 2, "same": "same", "before and own": 1}.get(padding, 0)
    conv = nn.Conv1d(3, 3 if is_deep else 4, kernel, dilation=dilation, padding=own, groups=3 if is_deep else 1)
    pads = [] if before is None else [nn.ConstantPad1d(before, 0.0)]
    model = Head(*pads, conv, nn.ReLU(), width=conv.out_channels)
    x = torch.randn(1, 3, span + 5)
    space = nas.prunable(model, x)
    keep_some(space, np.random.default_rng(seed))
    small = space.export()
    require_equal(model, small, x)
    assert from_torch(small, x) == space.network(space.widths)


def test_kernels_inside_a_choice_are_searched_with_it() -> None:
    block = nas.Choice(causal(4, 4, 9), nn.Conv1d(4, 4, 5, padding=2), nn.Identity())
    model, x = trained(Head(nn.Conv1d(3, 4, 1), block, width=4)), torch.randn(2, 3, 24)
    space = nas.prunable(model, x[:1])
    costs, rng = priced(space, TARGET), np.random.default_rng(3)
    for selection in ((0,), (1,), (2,)):
        space.choose(selection)
        keep_some(space, rng)
        small = space.export()
        require_equal(model, small, x)
        there = costs.on(selection)
        cost, again = there.exact(space.widths, space.kept).cost, estimate(from_torch(small, x[:1]).as_int8(), TARGET)
        assert all(getattr(cost, metric) == getattr(again, metric) for metric in METRICS)
        row = np.array([space.widths[group.name] for group in space.free])
        assert there.quick(row).flash_bytes == cost.flash_bytes
        assert len(there.runnable) == (selection != (2,))


def priced(space: nas.Space, target: Target) -> Costs:
    return Costs(space, target, Budget())


@pytest.mark.parametrize("device", ["stm32l4r5", "rp2040", "esp32s3-n16r8", "esp32c3"])
@pytest.mark.parametrize("make", [lambda: reference_network("tcn"), Temporal], ids=["tcn", "Temporal"])
def test_compiled_and_walked_cost_of_taps_agree(device: str, make: Any) -> None:
    target, model = Target.load(device), make()
    x = torch.zeros(1, 3, 40) if isinstance(model, Temporal) else model.example_input()
    costs = priced(nas.prunable(model, x), target)
    rng = np.random.default_rng(5)
    rows = np.array([[rng.choice(group.widths) for group in costs.space.free] for _ in range(3)])
    quick = costs.quick(rows)
    for index, row in enumerate(rows):
        cost = costs.exact(costs.named(row)).cost
        assert quick.flash_bytes[index] == cost.flash_bytes
        assert quick.ram_bytes[index] <= cost.ram_bytes
        one = costs.quick(row)
        assert one.step_bytes.tolist() == quick.step_bytes[index].tolist()
        if cost.latency_s is not None:
            assert quick.latency_s[index] == pytest.approx(cost.latency_s, rel=1e-12)


def test_figures_between_two_numbers_of_taps_are_between_theirs() -> None:
    space = nas.prunable(Head(nn.Conv1d(3, 8, 9, padding=4), nn.ReLU(), width=8), torch.zeros(1, 3, 32))
    costs = priced(space, TARGET)
    at = {name: index for index, name in enumerate(group.name for group in space.free)}["layers.0.kernel"]
    relaxed = Costs(space, TARGET, Budget(latency_s=1.0, flash_bytes=10**6)).relaxed

    def usage(taps: float) -> torch.Tensor:
        widths = torch.tensor([group.size for group in space.free], dtype=torch.float64)
        widths[at] = taps
        return relaxed.usage(widths)

    low, middle, high = (usage(taps) for taps in (5.0, 6.0, 7.0))
    assert torch.allclose((low + high) / 2, middle, rtol=1e-9)
    assert bool((low <= high).all())
    row = np.array([[group.size for group in space.free]])
    row[0, at] = 7
    flash = costs.quick(row).flash_bytes[0] / 10**6
    assert any(float(part) == pytest.approx(flash, rel=1e-12) for part in high)


def test_patterns_that_a_runtime_lacks_are_not_taken() -> None:
    model = Head(nn.Conv1d(4, 8, 9, padding=4), nn.ReLU(), width=8)
    space = nas.prunable(model, torch.zeros(1, 4, 32), granularity=64)
    costs = Costs(space, Target.load("gap8", runtime="pulp-nn"), Budget())
    (runs,) = costs.runnable.values()
    assert [taps.count for taps in runs.patterns] == [1, 3, 5, 7, 9]  # this runtime has no dilated kernel
    assert {count: taps.count for count, taps in runs.priced.patterns.items()} == {1: 1, 2: 3, 3: 3, 4: 5, 5: 5, 7: 7, 9: 9}
    for seed in range(3):
        worth = {"layers.0.kernel": np.random.default_rng(seed).random(9)}
        (ladder,) = ladders(costs, worth)
        assert set(ladder.widths.tolist()) <= {1, 3, 5, 7, 9}


def searched(model: nn.Module, shape: tuple[int, ...], shares: Mapping[str, str], strategy: str, **options: Any) -> tuple[Any, nas.Limits]:
    """Thirty steps on noise under shares of the seed's cost; the exported module and the limits."""
    example = torch.zeros(1, *shape)
    space = nas.prunable(model, example, **options)
    budget = SharedBudget.from_table(dict(shares), "test").of(priced(space, TARGET).seed.cost)
    steps = 30
    limits = nas.Limits(space, TARGET, budget, steps=steps, strategy=strategy)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(steps):
        x = torch.randn(8, *shape)
        loss = F.cross_entropy(model(x), (x[:, 0, -1] > 0).long()) + limits.loss()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        limits.step()
    return limits.export(), limits


@pytest.mark.parametrize("strategy", ["projection", "ramp", "dual"])
def test_channels_and_taps_land_together_within_every_limit(strategy: str) -> None:
    model, shares = reference_network("tcn"), {"max_flash": "25%", "max_latency": "25%", "max_ram": "60%"}
    small, limits = searched(model, (9, 128), shares, strategy)
    report = check(small, TARGET, example_input=model.example_input(), budget=limits.costs.budget)
    assert report.verdict == "fits"
    assert report.cost == limits.report().cost
    assert max(report.usage.values()) > 0.97
    require_equal(model, small, torch.randn(2, 9, 128))


def test_taps_alone_can_bring_a_network_within_its_limits() -> None:
    torch.manual_seed(0)
    model = Head(causal(4, 8, 9), causal(8, 8, 9), width=8)
    small, limits = searched(model, (4, 64), {"max_latency": "50%", "max_flash": "50%"}, "projection", granularity=64)
    assert {group.name for group in limits.space.free} == {"layers.0.1.kernel", "layers.1.1.kernel"}
    kernels = [layer[1].kernel_size[0] for layer in small.layers]
    assert sum(kernels) < 18
    assert kernels == list(limits.space.widths.values())
    assert [layer[1].weight.shape[2] for layer in small.layers] == kernels
    assert check(small, TARGET, example_input=torch.zeros(1, 4, 64), budget=limits.costs.budget).verdict == "fits"


def test_a_priced_network_is_the_exported_one() -> None:
    model = reference_network("tcn")
    space = nas.prunable(model, model.example_input())
    keep_some(space, np.random.default_rng(2))
    report = priced(space, TARGET).exact(space.widths, space.kept)
    again = estimate(from_torch(space.export(), model.example_input()).as_int8(), TARGET)
    assert again == report.cost
