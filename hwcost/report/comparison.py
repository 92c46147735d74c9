"""Several models on several targets in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwcost.budget import METRICS
from hwcost.checking import Report
from hwcost.report.failure import Failure
from hwcost.report.findings import headline, headroom

__all__ = ["Row", "rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: the figures as texts in the order of METRICS, the verdict, and what there is to say about it.

    A figure above its limit ends in `!`, a lower bound begins with `>=`. The runtime has its version only where two versions of one
    stand in the table. What could not be read has the verdict *error*, and no target where it was about none.
    """

    model: str
    target: str
    runtime: str
    figures: tuple[str, ...]
    verdict: str
    reason: str


def rows(reports: Sequence[Report], failures: Sequence[Failure] = ()) -> list[Row]:
    """Reports in the order given, then what could not be checked."""
    references = {report.target.runtime.reference for report in reports}
    versioned = len({reference.partition("@")[0] for reference in references}) < len(references)
    return [_row(report, versioned) for report in reports] + [_missing(failure) for failure in failures]


def _row(report: Report, versioned: bool) -> Row:
    runtime = report.target.runtime.reference if versioned else report.target.runtime.name
    over = {violation.metric for violation in report.violations}
    texts = tuple("-" if row.used is None else str(row) + ("!" if row.metric.field in over else "") for row in headroom(report))
    reason = "" if report.exit_code == 0 and not report.cost.lower_bound else headline(report)
    return Row(report.model, report.target.name, runtime, texts, report.verdict or "", reason)


def _missing(failure: Failure) -> Row:
    return Row(failure.model, failure.target or "", "", ("-",) * len(METRICS), "error", failure.error)
