"""Kernels over time: which taps can stay, what is left of the module, what that costs, and a search that lands with fewer of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- as everybody calls it
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hwcost import nas
from hwcost.errors import InputError, ShapeError
from hwcost.frontends.from_torch import from_torch
from hwcost.nas.projection import Ladder
from hwcost.nas.taps import any_padding_moves, best_patterns, living, own_padding_moves, patterns_of
from hwcost.ops.conv import Conv1d, DepthwiseConv1d, Taps
from tests.exporting import onnx_file
from tests.nas.networks import trained
from tests.nas.temporal import Head, Temporal, causal, keep_some, require_equal


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
