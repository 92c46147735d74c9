"""Models times targets: each pair priced and judged, and written in the form that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from shutil import get_terminal_size

from hwcost.checking import Pricing, Report, as_graph, quote
from hwcost.cli.options import Form
from hwcost.cli.output import Paper, talk
from hwcost.errors import HwcostError
from hwcost.report.failure import Failure
from hwcost.target import Target

__all__ = ["Answers", "Question", "answered", "written"]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: which files, on which targets, priced how."""

    models: Sequence[str]
    targets: Sequence[Target]
    pricing: Pricing
    shapes: Mapping[str, Sequence[int]]

    @property
    def is_single(self) -> bool:
        """Whether the answer is one report and not a comparison."""
        return len(self.models) == len(self.targets) == 1


@dataclass(frozen=True, slots=True)
class Answers:
    """A report for each pair that could be read, and a failure for each that could not, in the order asked."""

    reports: tuple[Report, ...]
    failures: tuple[Failure, ...]
    exit_code: int


def answered(question: Question, judged: Callable[[Report], Report]) -> Answers:
    """Every pair priced and judged. One that cannot be read is told and left out of the others' way; alone, it is the error."""
    reports: list[Report] = []
    failures: list[Failure] = []
    codes = [0]
    for model, target, answer in _each(question, judged):
        if isinstance(answer, Report):
            reports.append(answer)
            codes.append(answer.exit_code)
            continue
        if question.is_single:
            raise answer
        failures.append(Failure(model, None if target is None else target.name, str(answer)))
        codes.append(answer.exit_code)
        talk(f"hwcost: error: {model}{'' if target is None else f' on {target.name}'}: {answer}")
    return Answers(tuple(reports), tuple(failures), max(codes))


def _each(question: Question, judged: Callable[[Report], Report]) -> Iterator[tuple[str, Target | None, Report | HwcostError]]:
    """Each file read once, whatever the number of targets."""
    for path, name in zip(question.models, distinct_names(question.models), strict=True):
        try:
            graph = as_graph(path, shapes=question.shapes, allow_unsupported=question.pricing.allow_unsupported)
        except HwcostError as error:
            yield name, None, error
            continue
        for target in question.targets:
            try:
                yield name, target, judged(quote(name, graph, target, question.pricing))
            except HwcostError as error:
                yield name, target, error


def distinct_names(paths: Sequence[str]) -> list[str]:
    """File names, with as many folders before them as it takes to tell equal ones apart; no path of this machine otherwise."""
    parts = [PurePath(path).parts[::-1] or (path,) for path in paths]
    return [str(PurePath(*own[: _telling(own, [other for other in parts if other != own])][::-1])) for own in parts]


def _telling(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> int:
    """How many parts of a path, counted from its end, no other path shares."""
    return next((n for n in range(1, len(own)) if all(own[:n] != other[:n] for other in others)), len(own))


def written(question: Question, answers: Answers, form: Form) -> str:
    """The answers in one form; only its own module is imported."""
    if form is Form.JSON:
        from hwcost.report import json

        return json.as_text(answers.reports, answers.failures, several=not question.is_single)
    if form is Form.MARKDOWN:
        return _as_markdown(question, answers)
    return _as_text(question, answers)


def _advice(report: Report) -> Sequence[str]:
    """What would help; what finds it out is only loaded where something does not fit."""
    if report.exit_code == 0:
        return ()
    from hwcost.report.hints import hints

    return hints(report)


def _as_markdown(question: Question, answers: Answers) -> str:
    from hwcost.report import comparison, markdown

    told = [(report, _advice(report)) for report in answers.reports]
    if question.is_single:
        return markdown.as_text(*told[0])
    return markdown.compared(comparison.rows(answers.reports, answers.failures), told)


def _as_text(question: Question, answers: Answers) -> str:
    from rich.console import Console

    from hwcost.report import comparison, terminal

    paper = Paper()
    console = Console(file=paper, width=get_terminal_size((80, 24)).columns)
    if question.is_single:
        (report,) = answers.reports
        terminal.show(report, _advice(report), console)
    else:
        terminal.compare(comparison.rows(answers.reports, answers.failures), console)
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())
