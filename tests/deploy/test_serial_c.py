"""The C of the serial protocol on this computer: what it says unasked is what the parser of logs reads."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from hwcost.boards.lines import Identity, LayerCycles, read_session
from hwcost.deploy.emit.kernel_files import KERNELS

SERIAL = KERNELS / "serial"

# A counter that moves by 7 with each reading, and two layers of which the second takes 1000 more, then 2000, then 3000.
FIRMWARE = r"""
#include <stdio.h>
#include "hwc_serial.h"

static uint32_t now;
static uint32_t runs;

uint32_t hwc_cycles(void) { return now += 7; }
void hwc_cycles_start(void) {}
uint32_t hwc_clock_hz(void) { return 48000000; }
int hwc_read_byte(void) { return getchar(); }
void hwc_write_byte(uint8_t byte) { putchar(byte); }

static void run(void) {
    hwc_layer_done(0);
    now += 1000 * ++runs;
    hwc_layer_done(1);
}

static char bytes[3] = {1, 2, 3};
static void *place(void) { return bytes; }
static const struct hwc_port ports[] = {{place, 3}, {place, 2}};
static const char *const names[] = {"conv/1", "a \xc3\xa4*$%"};
static uint32_t least[2], most[2];
const struct hwc_subject hwc_subject = {"my board", "cortex-m4", "0123", 2, 1, 2, ports, ports, names, least, most, run};

int main(void) {
    printf("boot $1 of 2\n");
    hwc_report(3);
    hwc_say("big");
    hwc_say_number("n", 18446744073709551615ull);
    hwc_say_number("zero", 0);
    hwc_say_end();
    hwc_serve();
    return 0;
}
"""


@pytest.fixture(scope="module", params=["gcc", "clang"])
def program(request, tmp_path_factory):
    compiler = shutil.which(request.param)
    if compiler is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp("serial")
    (folder / "main.c").write_text(FIRMWARE, encoding="utf-8")
    sources = [folder / "main.c", SERIAL / "hwc_line.c", SERIAL / "hwc_serve.c"]
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I", SERIAL]
    done = subprocess.run([compiler, *flags, *sources, "-o", folder / "fw"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "fw"


def said(program, asked: bytes = b"") -> bytes:
    return subprocess.run([program], input=asked, capture_output=True, timeout=20, check=True).stdout


def test_what_a_firmware_says_unasked_is_a_log_that_can_be_read(program, tmp_path):
    (tmp_path / "log.txt").write_bytes(said(program))
    found = read_session(tmp_path / "log.txt")
    assert found.complete
    assert found.identity == Identity(1, "my board", "cortex-m4", 48_000_000, "0123", (3, 2), (3,), 2)
    # The 7 of a reading are what a layer that does nothing takes, and are taken off.
    assert found.layers == (LayerCycles(0, "conv/1", 0, 0, 3), LayerCycles(1, "a ä*$%", 1000, 3000, 3))


def test_the_largest_numbers_are_written_out(program):
    assert b"$big n=18446744073709551615 zero=0*" in said(program)


def test_what_is_no_line_is_passed_over_and_what_is_damaged_is_said(program):
    answered = said(program, b"hello\n\xff\n\n$clock*0000\n$clo$clock*C40C\r\n").splitlines()[-2:]
    assert answered[0].startswith(b"$fault text=damaged*")
    assert answered[1].startswith(b"$clock cycles=")
