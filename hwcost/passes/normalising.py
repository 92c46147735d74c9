"""The one form of a network, whichever exporter wrote it: the sequence of all passes."""

from __future__ import annotations

from collections.abc import Callable

from hwcost.graph import Graph
from hwcost.passes.drop_duplicates import drop_duplicates
from hwcost.passes.drop_layout import drop_layout
from hwcost.passes.drop_neutral import drop_neutral
from hwcost.passes.drop_unused import drop_unused
from hwcost.passes.fold_affine import fold_affine
from hwcost.passes.fold_batch_norm import fold_batch_norm
from hwcost.passes.fold_pad import fold_pad
from hwcost.passes.fold_quantize import fold_quantize
from hwcost.passes.fuse_activation import fuse_activation
from hwcost.passes.fuse_compound_activation import fuse_compound_activation
from hwcost.passes.fuse_norm import fuse_norm
from hwcost.passes.lift_global_pool import lift_global_pool
from hwcost.passes.merge_reshapes import merge_reshapes
from hwcost.passes.shorten_axis_moves import shorten_axis_moves
from hwcost.passes.unify_parts import unify_parts

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    drop_unused,
    drop_neutral,
    merge_reshapes,
    shorten_axis_moves,
    drop_duplicates,
    unify_parts,
    lift_global_pool,
    merge_reshapes,
    fuse_norm,
    fuse_compound_activation,
    fold_pad,
    fold_batch_norm,
    fold_affine,
    fuse_activation,
    fold_quantize,
    drop_layout,
)
"""In the order they are applied, over and over until none changes anything. Each returns the very graph it was given if it finds
nothing, and only ever makes a network smaller or simpler, so that this ends."""

MOST_ROUNDS = 10


def normalise(graph: Graph) -> Graph:
    """The network in normal form; normalising again changes nothing."""
    for _ in range(MOST_ROUNDS):
        before = graph
        for rewrite in PASSES:
            graph = rewrite(graph)
        if graph is before:
            break
    return graph
