"""What a computer makes of boards that are silent, talk nonsense, lie or are gone: one sentence each, and never an endless wait."""

from __future__ import annotations

import re

import pytest

from hwcost.boards.lines import framed
from hwcost.boards.serial import SerialBoard, open_port, port_and_baud
from hwcost.errors import BoardError, InputError

IDENTITY = framed("identity", protocol=1, device="d", core="c", clock_hz=1000, model="abc", inputs="2", outputs="3", layers=1)
LAYER = framed("layer", index=0, name="conv", cycles=5, most=6, repeats=5)


class Script:
    """A line whose other end answers each question with what is written here, by the question's word."""

    def __init__(self, answers: dict[str, bytes | list[bytes]]) -> None:
        self.answers = {word: list(said) if isinstance(said, list) else [said] for word, said in answers.items()}
        self.waiting = b""
        self.asked: list[str] = []

    def write(self, data: bytes) -> None:
        word = re.match(rb"\$([a-z]+)", data)[1].decode()
        self.asked.append(word)
        said = self.answers.get(word, [b""])
        self.waiting += said.pop(0) if len(said) > 1 else said[0]

    def read(self, size: int) -> bytes:
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data

    def close(self) -> None:
        self.asked.append("closed")


def board(**answers) -> SerialBoard:
    return SerialBoard(Script({"identify": IDENTITY, **answers}), "port", seconds=0.2, run_seconds=0.2)


TAKEN = framed("taken", index=0, offset=0, bytes=2)
RAN = framed("ran", cycles=1200, stack=100, marked=1088)
DATA = framed("data", index=0, offset=0, hex="0102ff")


def test_a_run():
    asked = board(input=TAKEN, run=b"starting...\r\n" + RAN, output=DATA)
    found = asked.run([b"\x01\x02"])
    assert (found.outputs, found.cycles, found.stack_bytes) == ((b"\x01\x02\xff",), 1200, 100)


def test_a_stack_that_was_used_up_is_unknown_and_not_a_number():
    assert board(input=TAKEN, run=framed("ran", cycles=1, stack=1088, marked=1088), output=DATA).run([b"ab"]).stack_bytes is None


def test_a_damaged_answer_is_asked_for_again():
    asked = board(input=TAKEN, run=[RAN.replace(b"1200", b"1300"), RAN], output=DATA)
    assert asked.run([b"ab"]).cycles == 1200


def test_a_damaged_question_is_asked_again():
    asked = board(input=[framed("fault", text="damaged"), TAKEN], run=RAN, output=DATA)
    assert asked.run([b"ab"]).cycles == 1200


def test_layers():
    (layer,) = board(layers=LAYER + framed("layers", count=1)).layers(5)
    assert (layer.name, layer.cycles) == ("conv", 5)


FAULTS = {
    "silent": ({"identify": b""}, r"port did not answer within 0.2 s \(nothing was received\): expected hwcost's firmware"),
    "boot messages": ({"identify": b"\x1b[2J\xffboot\n"}, r"did not answer within 0.2 s \(received b'\\x1b\[2J\\xffboot"),
    "nonsense": ({"identify": b"\x00\xfe" * 10_000}, r"port says something else than hwcost's protocol \(\d+ bytes\): b'\\x00\\xfe"),
    "lines of nonsense": ({"identify": b"hello world\n" * 10_000}, r"says something else than hwcost's protocol \(\d+ bytes\): b'hello"),
    "another version": ({"identify": IDENTITY.replace(IDENTITY, framed("identity", protocol=2))}, r"port: the board speaks version 2"),
    "silent later": ({"run": b""}, r"port did not answer 'run' within 0.2 s \(nothing"),
    "fault": ({"run": framed("fault", text="no \x1b way")}, r"port answered with a fault: 'no \\x1b way'"),
    "always damaged": ({"run": RAN.replace(b"1200", b"1300")}, r"port: a line was damaged on its way .*, 3 times: check the speed"),
    "no number": ({"run": framed("ran", cycles="many")}, r"port: expected a whole number for cycles="),
    "other bytes": (
        {"input": framed("taken", index=0, offset=1, bytes=2)},
        r"port took \(input, offset, bytes\) \(0, 1, 2\), expected \(0, 0, 2\)",
    ),
    "no hexadecimal": ({"output": framed("data", index=0, offset=0, hex="xyz")}, r"port answered 'xyz' for 3 bytes of output 0"),
    "too few bytes": ({"output": framed("data", index=0, offset=0, hex="01")}, r"port answered '01' for 3 bytes of output 0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_bounded_sentence(fault):
    answers, said = FAULTS[fault]
    asked = board(**{"input": TAKEN, "run": RAN, "output": DATA, **answers})
    with pytest.raises(BoardError, match=said) as caught:
        asked.run([b"ab"])
    assert len(str(caught.value)) < 400
    assert caught.value.exit_code == 3


def test_another_model_other_inputs_and_missing_layers():
    with pytest.raises(
        BoardError, match="port was flashed with another model: expected xyz, got 'abc' for 'd'; build and flash the sources in fw"
    ):
        board().require_model("xyz", "fw")
    with pytest.raises(BoardError, match=r"port takes inputs of \(2,\) bytes, got \(3,\)"):
        board().run([b"abc"])
    with pytest.raises(BoardError, match="port said the times of 0 layers, expected 1"):
        board(layers=framed("layers", count=0)).layers()


def test_a_clock_is_held_against_this_machines():
    # The counter is 500 further after about half a second: 1000 a second, as the board says, or a fiftieth of it.
    before, after, slow = (framed("clock", cycles=cycles % 2**32, hz=1000) for cycles in (2**32 - 100, 2**32 + 400, 2**32 - 90))
    assert 0.3 < board(clock=[*[before] * 4, after]).clock_ratio(0.5) <= 1.01
    with pytest.raises(
        BoardError, match=r"port says its counter runs at 0.001 MHz, but by this machine's clock it runs at [1-9][.]?\d*e-06 MHz"
    ):
        board(clock=[*[before] * 4, slow]).require_clock()


def test_a_clock_is_not_refused_because_answers_were_slow(monkeypatch):
    # Each answer takes 100 ms by this clock and the board reads its counter at once: a second looks 10 % off until longer is waited.
    now = [0.0]

    class Slow(Script):
        def write(self, data: bytes) -> None:
            self.answers["clock"] = [framed("clock", cycles=round(now[0] * 1000), hz=1000)]
            super().write(data)
            now[0] += 0.1 if len(self.asked) < 6 else 0.001

    monkeypatch.setattr("hwcost.boards.serial.time.monotonic", lambda: now[0])
    monkeypatch.setattr("hwcost.boards.serial.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert SerialBoard(Slow({"identify": IDENTITY}), "port").require_clock() == pytest.approx(1, abs=0.02)


class Gone(Script):
    def read(self, size: int) -> bytes:
        raise OSError("device reports readiness to read but returned no data\nand more")


def test_a_board_that_is_gone():
    with pytest.raises(
        BoardError, match=r"^port was lost in the middle: device reports readiness to read but returned no data; plug it in"
    ):
        SerialBoard(Gone({}), "port", seconds=0.2).identify()


def test_leaving_closes_the_line():
    line = Script({})
    with SerialBoard(line, "port"):
        pass
    assert line.asked == ["closed"]


def test_ports_and_speeds():
    assert port_and_baud("/dev/ttyACM0") == ("/dev/ttyACM0", 115_200)
    assert port_and_baud("COM3@921600") == ("COM3", 921_600)
    for wrong in ("@9600", "COM3@", "COM3@fast", "COM3@-1", "COM3@0", "COM3@99999999999"):
        with pytest.raises(InputError, match="expected PORT or PORT@BAUD"):
            port_and_baud(wrong)


def test_a_port_that_is_not_there():
    pytest.importorskip("serial")
    with pytest.raises(BoardError, match=r"cannot open the serial port '/no/such/port': .*; ports of this machine: "):
        open_port("/no/such/port")
