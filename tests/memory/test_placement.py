"""Plans of memory: sound, no lower than the bound, optimal where that was claimed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.errors import InputError, ModelError
from hwcost.memory.bounds import live_bound
from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.exact import solve
from hwcost.memory.greedy import first_fit, greedy_by_size, greedy_plans, tflm_greedy
from hwcost.memory.local import OrderSearch
from hwcost.memory.placement import place
from hwcost.memory.validate import validate
from hwcost.sizes import round_up


def blocks(*rows: tuple[int, int, int], alignment: int = 1) -> list[Buffer]:
    """Buffers from (size, start, stop)."""
    return [Buffer(f"b{index}", size, start, stop, alignment) for index, (size, start, stop) in enumerate(rows)]


@st.composite
def problems(draw: st.DrawFn, most: int = 12) -> list[Buffer]:
    alignment = draw(st.sampled_from([1, 4, 16]))
    count = draw(st.integers(1, most))
    lives = [(draw(st.integers(1, 60)), draw(st.integers(0, 6)), draw(st.integers(1, 4))) for _ in range(count)]
    return blocks(*((size, start, start + life) for size, start, life in lives), alignment=alignment)


def improved(buffers: Sequence[Buffer]) -> Plan:
    return OrderSearch(buffers).improve(greedy_by_size(buffers), 50, lambda: True)


def solved(buffers: Sequence[Buffer]) -> Plan:
    best = greedy_by_size(buffers)
    return solve(buffers, best, 5.0) or best


PLANNERS: dict[str, Callable[[Sequence[Buffer]], Plan]] = {
    "place": place,
    "place within a time": lambda b: place(b, time_limit_s=0.05),
    "greedy by size": greedy_by_size,
    "tflm, later first": tflm_greedy,
    "tflm, earlier first": lambda b: tflm_greedy(b, tie="execution-ascending"),
    "local search": improved,
    "CP-SAT": solved,
}


@pytest.mark.parametrize("planner", PLANNERS)
@settings(max_examples=25, deadline=None)
@given(buffers=problems())
def test_every_plan_is_sound_and_reaches_the_bound_at_least(planner: str, buffers: list[Buffer]) -> None:
    plan = PLANNERS[planner](buffers)
    validate(buffers, plan)
    assert plan.height_bytes >= plan.lower_bound_bytes == live_bound(buffers)


@settings(max_examples=50, deadline=None)
@given(buffers=problems(most=20))
def test_the_bound_is_the_most_that_is_live_at_once(buffers: list[Buffer]) -> None:
    def need(step: int) -> int:
        live = [(round_up(b.size_bytes, b.alignment), b.size_bytes) for b in buffers if b.start <= step < b.stop]
        return sum(rounded for rounded, _ in live) - max((rounded - size for rounded, size in live), default=0)

    assert live_bound(buffers) == max(need(step) for step in range(12))


def test_the_bound_holds_for_buffers_of_several_alignments() -> None:
    buffers = [Buffer("a", 5, 0, 1, 4), Buffer("b", 5, 0, 1, 6)]
    assert live_bound(buffers) <= first_fit(buffers, "by hand").height_bytes == 11


def test_blocks_beyond_32_bits_are_placed_too() -> None:
    sizes = [(3 << 32) + 1, (5 << 32) + 3, (1 << 31) + 7, (1 << 34) + 9, 5, 11]
    buffers = blocks(*((size, index % 3, index % 3 + 1 + index % 2) for index, size in enumerate(sizes)))
    for order in permutations(range(6)):
        tried = [buffers[index] for index in order]
        validate(tried, place(tried))


def brute_force(buffers: Sequence[Buffer]) -> int:
    """The optimum: some order of first fit always reaches it."""
    return min(first_fit(order, "brute force").height_bytes for order in permutations(buffers))


@settings(max_examples=40, deadline=None)
@given(buffers=problems(most=6))
def test_small_problems_are_solved_and_proven(buffers: list[Buffer]) -> None:
    plan = place(buffers)
    assert plan.optimal
    assert plan.height_bytes == brute_force(buffers)


def test_a_plan_found_by_the_beam_is_proven_by_the_next() -> None:
    plan = place(blocks((2, 0, 2), (1, 0, 1), (1, 2, 5), (3, 3, 4), (1, 1, 3), alignment=4))
    assert (plan.height_bytes, plan.lower_bound_bytes, plan.optimal) == (6, 5, True)


@settings(max_examples=15, deadline=None)
@given(buffers=problems(most=9))
def test_the_beams_proofs_agree_with_cp_sat(buffers: list[Buffer]) -> None:
    pytest.importorskip("ortools")
    plan, other = place(buffers), solve(buffers, greedy_by_size(buffers), 10.0)
    assert other is not None
    assert plan.optimal
    assert plan.height_bytes == other.height_bytes


def test_greedy_by_size_can_be_beaten() -> None:
    # Two long thin buffers go on either side of a gap that the short wide ones need whole.
    buffers = blocks((4, 0, 2), (4, 2, 4), (3, 0, 1), (3, 1, 3), (3, 3, 4))
    assert greedy_by_size(buffers).height_bytes >= place(buffers).height_bytes == 7
    assert place(buffers).optimal


def test_one_buffer_lies_on_the_floor() -> None:
    assert place(blocks((10, 0, 1))) == Plan({"b0": 0}, 10, 10, "first fit by size", optimal=True)


def test_no_buffers_take_nothing() -> None:
    assert place([]).height_bytes == 0


def test_offsets_keep_to_their_alignment_and_the_top_is_not_rounded() -> None:
    plan = place(blocks((10, 0, 2), (10, 0, 2), alignment=16))
    assert sorted(plan.offsets.values()) == [0, 16]
    assert plan.height_bytes == plan.lower_bound_bytes == 26


def test_equal_sizes_are_placed_by_the_tie_rule() -> None:
    early, late = Buffer("early", 8, 0, 2), Buffer("late", 8, 1, 3)
    assert tflm_greedy([early, late]).offsets == {"late": 0, "early": 8}
    assert tflm_greedy([early, late], tie="execution-ascending").offsets == {"early": 0, "late": 8}


def test_equal_problems_get_equal_plans() -> None:
    buffers = blocks(*((17 * i % 23 + 1, i % 5, i % 5 + 1 + i % 3) for i in range(25)))
    assert place(buffers) == place(list(buffers))


def test_orders_are_tried_until_one_meets_the_bound() -> None:
    buffers = blocks((4, 0, 4), (3, 0, 2), (3, 2, 4))
    assert next(iter(greedy_plans(buffers))).optimal


@pytest.mark.parametrize("rows", [[(0, 0, 1)], [(-5, 0, 1)], [(5, 1, 1)], [(5, 2, 1)]])
def test_what_is_no_block_is_refused(rows: list[tuple[int, int, int]]) -> None:
    with pytest.raises(InputError, match="at least one byte and one step"):
        place(blocks(*rows))


def test_two_buffers_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="own name"):
        place([Buffer("a", 1, 0, 1), Buffer("a", 1, 0, 1)])


@pytest.mark.parametrize(
    ("offsets", "fault"),
    [
        ({"b0": 0}, "'b1' has no place"),
        ({"b0": 0, "b1": 4}, "'b0' and 'b1' overlap at 4"),
        ({"b0": 0, "b1": 9}, "not a multiple of 4"),
        ({"b0": -4, "b1": 8}, "lies at -4"),
        ({"b0": 0, "b1": 16}, "'b1' ends at 24, above 16"),
    ],
)
def test_the_validator_names_what_is_wrong(offsets: dict[str, int], fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        validate(blocks((8, 0, 2), (8, 1, 3), alignment=4), Plan(offsets, 16, 16, "by hand", optimal=True))


def test_the_validator_holds_a_plan_against_the_memory_there_is() -> None:
    buffers = blocks((8, 0, 2))
    with pytest.raises(ModelError, match="above the 7 bytes there are"):
        validate(buffers, place(buffers), capacity=7)
