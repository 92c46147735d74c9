"""Searches told to people and to programs: what one could do, how it goes, what it found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hwcost.budget import METRICS
from hwcost.latency import Absent, choose
from hwcost.report.json import as_object
from hwcost.target import Target

if TYPE_CHECKING:
    from hwcost.nas.explain import Explanation
    from hwcost.nas.groups import Group
    from hwcost.nas.search import Found
    from hwcost.nas.session import Outcome, Progress

__all__ = ["explanation_json", "explanation_text", "found_json", "found_text", "progress_line"]

SCHEMA = 1


def explanation_text(explanation: Explanation) -> str:
    """Groups, what is frozen and why, and the reach of every limit."""
    target = explanation.target
    free = [group for group in explanation.groups if group.frozen is None]
    frozen = [group for group in explanation.groups if group.frozen is not None]
    return "\n".join(
        [
            f"On {target.name} under {target.runtime.reference}, as int8; latency {_priced_by(target)}",
            "",
            *_searched(free),
            *_choices(explanation),
            "",
            f"Kept as they are: {len(frozen)}",
            *_columns([[str(group.size), _layers(group), _reason(explanation, group)] for group in frozen]),
            "",
            *_columns([["", "as it is", "at least", "all limits", "limit"], *_reach_rows(explanation)]),
            "",
            f"Out of reach: {explanation.why_not}" if explanation.why_not else "The budget is within reach.",
            "",
        ]
    )


def _priced_by(target: Target) -> str:
    """The latency model that a search would ask."""
    model = choose(target)
    return f"unknown: {model.reason}" if isinstance(model, Absent) else f"by {model.name}"


def _searched(free: Sequence[Group]) -> list[str]:
    """The widths of every channel group, and of kernels over time how many taps each can keep."""
    channels = [group for group in free if group.layer is None]
    kernels = [group for group in free if group.layer is not None]
    told = [
        f"Searched: {len(channels)} channel groups{f' and the taps of {len(kernels)} kernels' if kernels else ''}",
        *_columns([[str(group.size), f"{group.widths[0]} to {group.size}", _layers(group)] for group in channels]),
    ]
    return told + _columns([[str(group.size), ", ".join(map(str, group.widths)), _layers(group)] for group in kernels])


def _choices(explanation: Explanation) -> list[str]:
    """The alternatives of every choice, and which of them are in the network that is furthest inside all limits."""
    if not explanation.alternatives:
        return []
    cheapest = zip(explanation.alternatives.items(), explanation.reach.selection, strict=True)
    rows = [[path, ", ".join(names), f"furthest inside the limits: {names[index]}"] for (path, names), index in cheapest]
    return ["", f"Choices: {len(rows)}", *_columns(rows)]


def _layers(group: Group) -> str:
    """The layers of a group as people read them."""
    return ", ".join(group.layers) + ("" if group.layer is None else " (taps)")


def _reason(explanation: Explanation, group: Group) -> str:
    line = next((explanation.lines[layer] for layer in group.layers if layer in explanation.lines), None)
    return f"{group.frozen}" if line is None else f"{group.frozen} ({line})"


def _reach_rows(explanation: Explanation) -> list[list[str]]:
    """For each limited metric: the whole network, the least on its own, and in the network that is furthest inside all limits."""
    rows = []
    for metric, limit in explanation.limits.items():
        human = METRICS[metric].human
        together = getattr(explanation.reach.report.cost, metric)
        figures = (explanation.as_it_is[metric], explanation.reach.lowest[metric], together, limit)
        rows.append([METRICS[metric].label, *(human(figure) for figure in figures)])
    return rows


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows with their columns below one another."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def explanation_json(explanation: Explanation) -> str:
    """The same as one object."""
    found = explanation.reach
    content = {
        "schema": SCHEMA,
        "target": explanation.target.name,
        "runtime": explanation.target.runtime.reference,
        "groups": [_group(explanation, group) for group in explanation.groups],
        "limits": dict(explanation.limits),
        "as_it_is": dict(explanation.as_it_is),
        "at_least": dict(found.lowest),
        "together": {"widths": dict(found.widths), **{metric: getattr(found.report.cost, metric) for metric in explanation.limits}},
        "choices": {path: list(names) for path, names in explanation.alternatives.items()},
        "within_reach": explanation.why_not is None,
        "why_not": explanation.why_not,
    }
    return _dumped(content)


def _group(explanation: Explanation, group: Group) -> dict[str, Any]:
    lines = [explanation.lines[layer] for layer in group.layers if layer in explanation.lines]
    of = "channels" if group.layer is None else "taps"
    return {"of": of, "nodes": list(group.layers), "size": group.size, "widths": list(group.widths), "frozen": group.frozen, "lines": lines}


def _dumped(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def progress_line(progress: Progress) -> str:
    """One epoch in one line, with the use of every limit while channels are chosen."""
    used = ", ".join(f"{METRICS[metric].label} {share:.1%}" for metric, share in progress.usage.items())
    done = (
        f"seed {progress.seed}: {progress.phase} {progress.epoch}/{progress.epochs}: loss {progress.loss:.3f}, score {progress.score:.1%}"
    )
    return f"{done}; of its limits {used}" if used else done


def found_text(found: Found, metric: str) -> str:
    """Every seed, the best one's use of its limits, and what to type next."""
    mean, spread = found.mean_and_spread()
    several = [f"mean {mean:.1%}, standard deviation {spread:.1%} over {len(found.outcomes)} seeds"] if len(found.outcomes) > 1 else []
    report = found.best.report
    rows = [
        [
            METRICS[name].label,
            METRICS[name].human(getattr(report.cost, name)),
            f"of {METRICS[name].human(limit)}",
            f"{report.usage[name]:.1%}",
        ]
        for name, limit in report.budget.limits().items()
    ]
    widths = ", ".join(f"{group} {width}" for group, width in found.best.widths.items())
    target = report.target
    again = f"Check it again: hwcost check {found.onnx} --target {target.name} --runtime {target.runtime.reference} --budget {found.budget}"
    chosen = ", ".join(f"{path} {name}" for path, name in found.best.chosen.items())
    kept = [f"Chosen: {chosen}", f"Channels: {widths}"] if chosen else [f"Channels: {widths}"]
    lines = [*(_outcome_line(outcome, metric) for outcome in found.outcomes), *several, "", *_columns(rows), "", *kept]
    return "\n".join([*lines, f"{found.onnx}: {report.verdict}, counted alike by the search, from the module and from the file", again, ""])


def _outcome_line(outcome: Outcome, metric: str) -> str:
    seconds = f"searched in {outcome.search_time_s:.0f} s"
    line = f"seed {outcome.seed}: test {metric} {outcome.test_score:.1%}, {seconds}"
    if outcome.seed_score is None or outcome.training_time_s is None:
        return line
    return f"{line}; the whole network {outcome.seed_score:.1%}, trained in {outcome.training_time_s:.0f} s"


def found_json(found: Found) -> str:
    """The object of check for the exported file, and what the search adds to it."""
    best, (mean, spread) = found.best, found.mean_and_spread()
    content = as_object(best.report) | {
        "accuracy": best.test_score,
        "seed_accuracy": best.seed_score,
        "search_time_s": best.search_time_s,
        "training_time_s": best.training_time_s,
        "onnx": str(found.onnx),
        "widths": best.widths,
        "chosen": best.chosen,
        "seeds": [_outcome(outcome) for outcome in found.outcomes],
        "mean_accuracy": mean,
        "accuracy_deviation": spread,
    }
    return _dumped(content)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "seed": outcome.seed,
        "accuracy": outcome.test_score,
        "validation_accuracy": outcome.validation_score,
        "seed_accuracy": outcome.seed_score,
        "search_time_s": outcome.search_time_s,
        "training_time_s": outcome.training_time_s,
        "widths": outcome.widths,
        "chosen": outcome.chosen,
        "usage": dict(outcome.report.usage),
        "onnx": str(outcome.onnx),
    }
