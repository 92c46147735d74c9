from __future__ import annotations

import os
import socket

import pytest

from hwcost.errors import InputError, TargetError
from hwcost.toml_files import read_bounded, read_toml


def test_reads_tables(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("# " + "." * 100 + '\n[a.b]\nc = "1.5.2"\r\n')
    assert read_toml(path, "a list") == {"a": {"b": {"c": "1.5.2"}}}


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"#" * 100)
    assert read_bounded(path, "a list", max_bytes=100) == b"#" * 100
    with pytest.raises(InputError, match="a list of at most 99 bytes"):
        read_bounded(path, "a list", max_bytes=99)


DEEP = {
    "key": ".".join(["a"] * 400_000) + " = 1",
    "quoted key": '"a".' + ".".join(["a"] * 400_000) + " = 1",
    "inline table": "x = {" + ".".join(["a"] * 400_000) + " = 1}",
    "header": "[" + ".".join(["a"] * 400_000) + "]\nb.c = 1",
    "line separator inside a key": ".".join(["'\N{LINE SEPARATOR}'"] * 100_000) + " = 1",
    "arrays": "x = " + "[" * 400_000,
    "inline tables": "x = " + "{a=" * 300_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_what_would_take_the_parser_minutes_is_refused_at_once(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"more than 32 dots|nested too deeply"):
        read_toml(path, "a list")


def test_the_caller_chooses_the_error(tmp_path):
    def refuse(message: str) -> TargetError:
        return TargetError(message, file="mine.toml")

    for text in (b"a = ", b"\xff", b"x" * 200):
        (tmp_path / "a.toml").write_bytes(text)
        with pytest.raises(TargetError, match=r"^mine\.toml: expected a target"):
            read_toml(tmp_path / "a.toml", "a target", max_bytes=100, refuse=refuse)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("", "got a directory"), ("pipe", "got a pipe"), ("socket", "got a socket"), ("missing", "No such file"), ("nul\0", "null byte")],
)
def test_what_is_no_file_is_named(tmp_path, name, kind):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(InputError, match=f"expected a list, got .*{kind}|expected a list, {kind}"):
            read_toml(tmp_path / name, "a list")


def test_a_device_is_not_read():
    with pytest.raises(InputError, match="got a device"):
        read_bounded("/dev/zero", "a list", max_bytes=10)
