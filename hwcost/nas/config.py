"""The configuration of a search: a TOML file, with single keys set on the command line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from hwcost.errors import InputError, listed, shown
from hwcost.nas.choice import MODES
from hwcost.nas.choosing import UPDATES, Choosing
from hwcost.nas.shares import SharedBudget
from hwcost.toml_files import read_toml


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long each phase lasts and how weights are trained: Adam, with a cosine to zero while fine-tuning."""

    warmup_epochs: int = 10
    search_epochs: int = 15
    finetune_epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 0
    """Fine-tuning epochs without a better validation score after which it stops; 0: never."""


@dataclass(frozen=True, slots=True)
class Config:
    """What is searched, for which target and runtime, under which limits, how."""

    task: str
    target: str
    runtime: str
    budget: SharedBudget
    schedule: Schedule = field(default_factory=Schedule)
    strategy: str = "projection"
    granularity: int = 1
    freeze: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    baseline: bool = True
    """Whether the seed is trained as long, for comparison."""
    confidence: float | None = None
    network: str | None = None
    """The network that is searched, by name or as FILE.py:NAME; None: the task's own."""
    choice: Choosing = field(default_factory=Choosing)
    """How choices between blocks are learned, where the network has any."""
    device: str = "auto"
    """Where networks are trained: "cpu", "cuda", "cuda:1"; "auto" takes a GPU where there is one."""
    data: str | None = None
    """The folder of the task's files, for a task that reads any; None: where HWCOST_DATA says."""

    @classmethod
    def load(cls, path: str | Path, settings: Iterable[str] = ()) -> Config:
        """The configuration in a file, `settings` such as `schedule.search_epochs=5` put over it; InputError lists every fault."""
        tables = read_toml(path, "the configuration of a search in TOML")
        given = [_set(tables, setting) for setting in settings]
        return cls.from_tables(tables, str(path), given)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], where: str, given_beside: Sequence[str] = ()) -> Config:
        """The configuration in nested tables; faults of the keys `given_beside` name --set in place of `where`."""
        inner = {"schedule": Schedule, "choice": Choosing}
        beside = {key: f"--set {key}" for key in given_beside}
        faults = [*_faults(cls, tables, where, beside)]
        for key, kind in inner.items():
            places = {name.removeprefix(f"{key}."): place for name, place in beside.items() if name.startswith(f"{key}.")}
            faults += _faults(kind, _table(tables, key), f"{where}: [{key}]", places)
        if faults:
            raise InputError(listed(faults))
        limits_beside = [place for key, place in beside.items() if key.startswith("budget.")]
        budget = SharedBudget.from_table(_table(tables, "budget"), " with ".join((f"{where}: [budget]", *limits_beside)))
        given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in tables.items()}
        return cls(**(given | {"budget": budget} | {key: kind(**_table(tables, key)) for key, kind in inner.items()}))


def _table(tables: Mapping[str, Any], key: str) -> dict[str, Any]:
    given = tables.get(key, {})
    return given if isinstance(given, dict) else {}


def _faults(kind: type, table: Mapping[str, Any], where: str, places: Mapping[str, str]) -> list[str]:
    """Unknown and missing keys, and values of the wrong kind; `places` are where those keys stand that are not `where` the others are."""
    known = {each.name: each for each in fields(kind)}
    faults = [f"{places.get(key, where)}: unknown key {shown(key)}{_near(key, known)}" for key in table if key not in known]
    required = (name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING)
    faults += [f"{where}: expected a key '{name}'" for name in required if name not in table]
    for name in known.keys() & table.keys():
        accepted, said = _ACCEPTED[name]
        if not accepted(table[name]):
            faults.append(f"{places.get(name, where)}: {name}: expected {said}, got {shown(table[name])}")
    return sorted(faults)


def _near(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key[:60], list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; expected one of {', '.join(known)}"


def _whole(least: int, most: int = 10**9) -> Any:
    return lambda given: isinstance(given, int) and not isinstance(given, bool) and least <= given <= most


def _number(least: float, most: float) -> Any:
    return lambda given: isinstance(given, int | float) and not isinstance(given, bool) and least <= given <= most


def _all(accepted: Any, *, least: int) -> Any:
    return lambda given: isinstance(given, list | tuple) and len(given) >= least and all(accepted(each) for each in given)


def _is_text(given: Any) -> bool:
    return isinstance(given, str) and bool(given)


def _is_cuda(given: Any) -> bool:
    return isinstance(given, str) and re.fullmatch(r"cuda:[0-9]{1,3}", given, re.ASCII) is not None


_TEXT = (_is_text, "a name")
_TABLE = (lambda given: isinstance(given, dict), "a table")
_ACCEPTED: Mapping[str, tuple[Any, str]] = {
    "task": _TEXT,
    "target": _TEXT,
    "runtime": _TEXT,
    "strategy": _TEXT,
    "budget": _TABLE,
    "schedule": _TABLE,
    "choice": _TABLE,
    "network": _TEXT,
    "mode": (lambda given: given in MODES, " or ".join(MODES)),
    "temperature": (_number(1e-3, 1e3), "a number above 0"),
    "final_temperature": (_number(1e-3, 1e3), "a number above 0"),
    "room": (_number(0, 1e3), "a number from 0"),
    "share": (_number(0, 1), "a share from 0 to 1"),
    "prior": (_number(1e-6, 1 - 1e-6), "a probability between 0 and 1"),
    "decided": (_number(1e-3, 1), "a share of the search above 0 and up to 1"),
    "icv": (_number(0, 1e3), "a number from 0"),
    "updates": (lambda given: given in UPDATES, " or ".join(UPDATES)),
    "granularity": (_whole(1), "at least 1 channel"),
    "freeze": (_all(_is_text, least=0), "a list of module paths"),
    "seeds": (lambda given: _all(_whole(0), least=1)(given) and len(set(given)) == len(given), "a list of different whole numbers from 0"),
    "baseline": (lambda given: isinstance(given, bool), "true or false"),
    "device": (lambda given: given in ("auto", "cpu", "cuda", "mps") or _is_cuda(given), "auto, cpu, cuda, cuda:NUMBER or mps"),
    "data": (_is_text, "a folder"),
    "confidence": (_number(1e-6, 1 - 1e-6), "a share between 0 and 1"),
    "warmup_epochs": (_whole(0), "a whole number of epochs"),
    "search_epochs": (_whole(1), "a whole number of epochs, at least 1"),
    "finetune_epochs": (_whole(0), "a whole number of epochs"),
    "batch_size": (_whole(2), "at least 2 examples, which batch norm needs"),
    "learning_rate": (_number(1e-9, 10), "a rate above 0 and up to 10"),
    "weight_decay": (_number(0, 10), "a number from 0"),
    "patience": (_whole(0), "a whole number of epochs"),
}


def _set(tables: dict[str, Any], setting: str) -> str:
    """Put one `key=value` over the tables and say which key that is; a value that is no TOML is text."""
    key, equals, text = setting.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts) or len(parts) > 2:
        raise InputError(f"--set: expected KEY=VALUE or TABLE.KEY=VALUE, such as schedule.search_epochs=5, got {shown(setting)}")
    inner = tables
    for part in parts[:-1]:
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InputError(f"--set: {part} is no table, so {shown(setting)} cannot be set")
    inner[parts[-1]] = _value(text)
    return ".".join(parts)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text and len(text) < 1000 else text
    except tomllib.TOMLDecodeError:
        return text.strip()


def fingerprint(config: Config) -> str:
    """What a checkpoint must have been made with to go on from it."""
    return repr(config)
