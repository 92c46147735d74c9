"""What every shipped device, core, board, runtime and price list must hold; a new file is picked up by being there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hwcost.kernels.plain_layers import NEEDS
from hwcost.ops import REGISTRY
from hwcost.shipped import targets_folder
from hwcost.target import Board, Core, Device, Functions, Latency, Runtime, Target, load_runtime
from hwcost.target.catalogue import validate_file
from hwcost.target.citations import citations
from hwcost.target.find import names, versions
from hwcost.target.read import dump, parse, read_table, validate

FOLDER = targets_folder()
FILES = sorted(path for path in FOLDER.rglob("*.toml") if path.is_file())
NOUNS = {"devices": Device, "boards": Board, "cores": Core, "latency": Latency, "functions": Functions}


def kind_of(path: Path) -> type:
    return NOUNS.get(path.parent.name, Runtime)


def label(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


every_file = pytest.mark.parametrize("path", FILES, ids=label)


def noun_of(path: Path) -> Device | Board | Core | Runtime | Latency | Functions:
    return validate(kind_of(path), read_table(path), path)


def test_there_is_something_to_check():
    counts = Counter(kind_of(path).__name__ for path in FILES)
    assert counts["Device"] >= 27
    assert counts["Board"] >= 20
    assert counts["Runtime"] >= 9


@every_file
def test_it_is_valid_by_the_command_too(path):
    assert type(validate_file(path)) is kind_of(path)


@every_file
def test_it_reads_back_from_what_it_dumps(path):
    noun = noun_of(path)
    assert validate(kind_of(path), dump(noun), path) == noun


@every_file
def test_the_fast_reader_reads_the_same(path):
    assert parse(kind_of(path), read_table(path), path) == noun_of(path)


@every_file
def test_every_number_cites_a_source(path):
    numbers = list(citations(noun_of(path)))
    assert [number.key for number in numbers if not number.source] == []
    assert numbers or kind_of(path) in (Core, Runtime, Board)


@every_file
def test_its_name_is_its_file_name(path):
    noun = noun_of(path)
    if isinstance(noun, Latency | Functions):
        assert (noun.core, noun.runtime) == (path.stem, path.parents[2].name)
    elif isinstance(noun, Runtime):
        assert (noun.name, noun.version) == (path.parent.parent.name, path.parent.name)
    else:
        assert noun.name == path.stem


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name not in ("latency", "functions")], ids=label)
def test_a_file_written_by_hand_names_its_schema_for_editors(path):
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    name = kind_of(path).__name__.lower()
    assert first.startswith("#:schema ")
    assert (path.parent / first.removeprefix("#:schema ")).resolve() == FOLDER / "schema" / f"{name}.json"


def test_boards_and_devices_share_no_name():
    assert not set(names("devices")) & set(names("boards"))


@pytest.mark.parametrize("name", [*names("devices"), *names("boards")])
def test_its_default_runtime_runs_on_its_core(name):
    target = Target.load(name)
    assert target.core.name in target.runtime.cores
    assert not target.runtime.data_only
    assert any(memory.size_bytes.value > memory.reserved_bytes.value for memory in target.ram_regions)
    assert target.flash_regions


def _runtimes() -> list[str]:
    return [f"{name}@{version}" for name in names("runtimes") for version in versions(name)]


@pytest.mark.parametrize("reference", _runtimes())
def test_a_runtime_knows_only_operators_that_exist_and_cores_that_are_described(reference):
    runtime = load_runtime(reference)
    known = set(REGISTRY)
    code = runtime.flash.code if runtime.flash else ()
    records = runtime.ram.persistent if runtime.ram else ()
    prices = [price for latency in runtime.latency.values() for price in latency.prices]
    used = {kind for rule in (*runtime.kernels, *runtime.scratch, *code, *records, *prices) for kind in rule.kinds}
    used |= set(runtime.ram.in_place if runtime.ram else ())
    assert used - known == set()
    assert set(runtime.cores) <= set(names("cores"))
    assert set(runtime.latency) <= set(runtime.cores)


@pytest.mark.parametrize("reference", _runtimes())
def test_every_operator_of_a_runtime_has_scratch_that_is_known_or_declared_none(reference):
    runtime = load_runtime(reference)
    free = {kind for rule in runtime.kernels if rule.kernel == "free" for kind in rule.kinds}
    if runtime.generated:
        assert set(runtime.kinds) - free <= NEEDS.keys()
        return
    assert set(runtime.kinds) - free <= {kind for rule in runtime.scratch for kind in rule.kinds}


@pytest.mark.parametrize("name", names("cores"))
def test_some_runtime_that_can_be_checked_against_runs_on_every_core(name):
    assert any(name in load_runtime(reference, name).cores for reference in _runtimes() if not load_runtime(reference, name).data_only)


def test_the_schemas_for_editors_are_up_to_date(root):
    command = [sys.executable, "tools/generate_schema.py", "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)})
    assert done.returncode == 0, done.stderr
