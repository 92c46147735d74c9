"""A folder of generated files: somebody's own are never touched, our own are replaced and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwcost.deploy.emit import MANIFEST
from hwcost.deploy.emit.folder import write_folder
from hwcost.errors import BuildError, InputError

FILES = {"a.c": "int a;\n", "inner/b.c": "int b;\n"}


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST}


def test_a_new_folder_holds_the_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_folder(tmp_path / "deep" / "out", FILES)
    assert contents(tmp_path / "deep" / "out") == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_empty_folder_is_as_good_as_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", FILES)
    assert contents(tmp_path / "out") == FILES


def test_own_files_are_replaced_and_stale_ones_removed(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", FILES)
    write_folder(tmp_path / "out", {"a.c": "int other;\n", "c.c": "int c;\n"})
    assert contents(tmp_path / "out") == {"a.c": "int other;\n", "c.c": "int c;\n"}


def test_files_that_did_not_change_are_not_written_again(tmp_path: Path) -> None:
    """So that a build compiles what changed."""
    write_folder(tmp_path / "out", FILES)
    before = (tmp_path / "out" / "a.c").stat()
    write_folder(tmp_path / "out", FILES)
    after = (tmp_path / "out" / "a.c").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("name", "words"),
    [("notes.txt", "not written by hwcost"), ("a.c", "edited since it was written"), ("inner/mine.c", "not written by hwcost")],
)
def test_somebodys_files_are_refused_and_kept(name: str, words: str, tmp_path: Path) -> None:
    """Nothing at all is written then, and all such files are named."""
    out = tmp_path / "out"
    write_folder(out, FILES)
    (out / name).write_text("mine\n")
    before = contents(out)
    with pytest.raises(InputError) as caught:
        write_folder(out, {"a.c": "new\n"})
    assert f"{name}: {words}" in str(caught.value)
    assert "--force" in str(caught.value)
    assert contents(out) == before


def test_force_replaces_files_of_our_names_alone(tmp_path: Path) -> None:
    """A stranger of another name stays, and so does an own file that was edited and is no longer written."""
    out = tmp_path / "out"
    write_folder(out, FILES)
    (out / "notes.txt").write_text("mine\n")
    (out / "a.c").write_text("edited\n")
    (out / "inner" / "b.c").write_text("edited too\n")
    write_folder(out, {"a.c": "new\n"}, force=True)
    assert contents(out) == {"a.c": "new\n", "notes.txt": "mine\n", "inner/b.c": "edited too\n"}


def test_a_folder_without_its_list_belongs_to_somebody(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", FILES)
    (tmp_path / "out" / MANIFEST).unlink()
    with pytest.raises(InputError, match=r"a\.c: not written by hwcost"):
        write_folder(tmp_path / "out", FILES)


@pytest.mark.parametrize("name", ["../victim.txt", "{outside}/victim.txt", "inner/../../victim.txt"])
def test_a_list_that_was_tampered_with_removes_nothing_outside(name: str, tmp_path: Path) -> None:
    """A line of the list with the right hash of a file elsewhere."""
    import hashlib

    out, victim = tmp_path / "out", tmp_path / "victim.txt"
    write_folder(out, FILES)
    victim.write_text("precious\n")
    with (out / MANIFEST).open("a") as manifest:
        manifest.write(f"{hashlib.sha256(b'precious' + bytes([10])).hexdigest()}  {name.format(outside=tmp_path)}\n")
    write_folder(out, {"a.c": "new\n"})
    assert victim.read_text() == "precious\n"


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither a file that became a link nor a folder that did."""
    out, victim = tmp_path / "out", tmp_path / "victim.c"
    write_folder(out, FILES)
    victim.write_text(FILES["a.c"])
    (out / "a.c").unlink()
    (out / "a.c").symlink_to(victim)
    with pytest.raises(InputError, match=r"a\.c"):
        write_folder(out, {"a.c": "new\n"})
    assert victim.read_text() == FILES["a.c"]
    write_folder(out, {"a.c": "new\n"}, force=True)
    assert victim.read_text() == FILES["a.c"]
    assert (out / "a.c").read_text() == "new\n"


def test_a_linked_folder_inside_is_not_written_through(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (elsewhere / "b.c").write_text("precious\n")
    (out / "inner").symlink_to(elsewhere)
    with pytest.raises(InputError, match="inner"):
        write_folder(out, FILES)
    with pytest.raises(InputError, match="inner: expected a folder, got a link"):
        write_folder(out, FILES, force=True)
    assert contents(out) == {}
    assert (elsewhere / "b.c").read_text() == "precious\n"


def test_builds_are_left_alone(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", FILES)
    (tmp_path / "out" / "build").mkdir()
    (tmp_path / "out" / "build" / "model.o").write_text("object")
    write_folder(tmp_path / "out", {"a.c": "new\n"})
    assert (tmp_path / "out" / "build" / "model.o").read_text() == "object"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is not a folder"):
        write_folder(tmp_path / "out", FILES)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half-written folder is left."""

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BuildError, match="No space left on device"):
        write_folder(tmp_path / "out", FILES)
    assert list(tmp_path.iterdir()) == []
