from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwcost.budget import METRICS, Budget, Violation
from hwcost.errors import BudgetError, InputError


@dataclass(frozen=True)
class Figures:
    """A cost reduced to what a budget asks of it."""

    latency_s: Any = None
    ram_bytes: Any = None
    flash_bytes: Any = None
    energy_j: Any = None
    absent: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "budget.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_usage_is_used_over_limit():
    usage = Budget(latency_s=0.2, ram_bytes=1000).usage(Figures(latency_s=0.1, ram_bytes=2000))
    assert usage == {"latency_s": 0.5, "ram_bytes": 2.0}


def test_penalty_sums_the_overshoot_of_each_limit():
    budget = Budget(latency_s=0.2, ram_bytes=1000, flash_bytes=10)
    assert budget.penalty(Figures(latency_s=0.1, ram_bytes=1500, flash_bytes=20)) == 0.5 + 1.0
    assert budget.penalty(Figures(latency_s=0.2, ram_bytes=1000, flash_bytes=10)) == 0
    assert Budget().penalty(Figures()) == 0


def test_violations_come_in_the_order_of_the_metrics():
    budget = Budget(energy_j=1.0, ram_bytes=1000, latency_s=0.2)
    found = budget.violations(Figures(latency_s=0.4, ram_bytes=1000, energy_j=3.0))
    assert found == (Violation("latency_s", 0.4, 0.2), Violation("energy_j", 3.0, 1.0))
    assert found[0].ratio == 2.0


def test_require_raises_with_every_violation():
    budget = Budget(latency_s=0.2, ram_bytes=1000)
    budget.require(Figures(latency_s=0.2, ram_bytes=1000))
    with pytest.raises(BudgetError) as caught:
        budget.require(Figures(latency_s=0.3, ram_bytes=1001))
    assert [violation.metric for violation in caught.value.violations] == ["latency_s", "ram_bytes"]


amounts = st.floats(min_value=1e-12, max_value=1e12)
sizes = st.integers(1, 2**62)


@given(data=st.data(), limits=st.tuples(amounts, sizes, sizes, amounts))
@settings(max_examples=100)
def test_penalty_is_zero_exactly_when_nothing_is_violated(data, limits):
    """Also one step to either side of each limit, where rounding would make the two readings disagree."""
    used = []
    for limit in limits:
        near = [limit - 1, limit, limit + 1] if isinstance(limit, int) else [np.nextafter(limit, 0), limit, np.nextafter(limit, np.inf)]
        far = sizes if isinstance(limit, int) else amounts
        used.append(data.draw(st.sampled_from([type(limit)(n) for n in near]) | far))
    budget, cost = Budget(**dict(zip(METRICS, limits, strict=True))), Figures(*used)
    assert (budget.penalty(cost) == 0) == (not budget.violations(cost))
    assert (budget.penalty(cost) == 0) == all(n <= limit for n, limit in zip(used, limits, strict=True))


def test_arrays_are_penalised_candidate_by_candidate():
    budget = Budget(latency_s=0.2, ram_bytes=1000)
    cost = Figures(latency_s=np.array([0.1, 0.2, 0.3]), ram_bytes=np.array([500, 2000, 2000]))
    assert budget.penalty(cost) == pytest.approx([0.0, 1.0, 1.5])
    assert budget.usage(cost)["ram_bytes"].tolist() == [0.5, 2.0, 2.0]
    with pytest.raises(ValueError, match="several candidates"):
        budget.violations(cost)


def test_tensors_keep_their_gradient():
    torch = pytest.importorskip("torch")
    latency = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    ram = torch.tensor(500.0, dtype=torch.float64, requires_grad=True)
    budget = Budget(latency_s=0.2, ram_bytes=1000)
    penalty = budget.penalty(Figures(latency_s=latency, ram_bytes=ram))
    penalty.backward()
    assert penalty.item() == pytest.approx(0.5)
    assert latency.grad.item() == pytest.approx(1 / 0.2)
    assert ram.grad.item() == 0
    assert budget.violations(Figures(latency_s=latency, ram_bytes=ram)) == (Violation("latency_s", 0.3, 0.2),)


def test_a_limit_on_an_absent_metric_is_never_passed():
    cost = Figures(ram_bytes=1, absent={"energy_j": "no power figure for this device", "latency_s": "no float figures"})
    budget = Budget(latency_s=1.0, ram_bytes=1000, energy_j=1.0)
    for judge in (budget.usage, budget.penalty, budget.violations, budget.require):
        with pytest.raises(InputError) as caught:
            judge(cost)
        assert "latency: no float figures; energy: no power figure for this device" in str(caught.value)
    assert Budget(ram_bytes=1000).violations(cost) == ()


@pytest.mark.parametrize("used", [float("nan"), float("inf"), np.float64("nan")])
def test_a_figure_that_is_no_number_is_never_passed(used):
    with pytest.raises(InputError, match=r"latency is (nan|inf)"):
        Budget(latency_s=1.0).violations(Figures(latency_s=used))


@pytest.mark.parametrize(
    "limit", [0, 0.0, -1, -0.5, float("nan"), float("inf"), True, "50ms", 10**400, 16**10_000], ids=lambda limit: type(limit).__name__
)
def test_limits_are_positive_numbers(limit):
    with pytest.raises(InputError, match="latency_s: expected a positive number"):
        Budget(latency_s=limit)


def test_byte_limits_are_whole_and_every_fault_is_listed():
    with pytest.raises(InputError) as caught:
        Budget(ram_bytes=1.5, flash_bytes=0, latency_s=1.0)
    assert str(caught.value).startswith("2 faults:\n  ram_bytes: expected a positive whole number of bytes, got 1.5")
    assert "flash_bytes: expected a positive whole number of bytes up to 2^63 - 1, got 0" in str(caught.value)


def test_defaults_fill_what_is_not_limited():
    own = Budget(ram_bytes=1000)
    assert own.with_defaults(Budget(ram_bytes=5, flash_bytes=7)) == Budget(ram_bytes=1000, flash_bytes=7)


def test_limits_print_as_they_are():
    assert json.dumps(Budget(flash_bytes=7, latency_s=0.05).limits()) == '{"latency_s": 0.05, "flash_bytes": 7}'


def test_violation_reads_as_a_sentence_even_when_over_by_a_byte():
    assert str(Violation("flash_bytes", 200 * 1024, 100 * 1024)) == "flash 200 KiB, limit 100 KiB (2.00 times)"
    assert str(Violation("ram_bytes", 65537, 65536)) == "RAM 65537 B, limit 65536 B (1.00 times)"


@pytest.mark.parametrize(
    "text",
    [
        'max_latency = "50ms"\nmax_ram = "128KiB"',
        '[budget]\nmax_latency = "0.05 s"\nmax_ram = "131072B"',
        "latency_s = 0.05\nram_bytes = 131_072",
        '[budget]\nlatency_s = 5e-2\nmax_ram = "0.125MiB"',
    ],
)
def test_load_reads_texts_with_units_and_plain_si(file, text):
    assert Budget.load(file(text)) == Budget(latency_s=0.05, ram_bytes=131072)


@given(
    latency_s=st.none() | st.floats(1e-9, 1e9),
    ram_bytes=st.integers(1, 2**62),
    flash_bytes=st.none() | st.integers(1, 2**62),
    energy_j=st.none() | st.floats(1e-9, 1e9),
)
def test_a_budget_is_read_back_from_the_file_it_writes(tmp_path_factory, **limits):
    budget = Budget(**limits)
    path = tmp_path_factory.mktemp("budget") / "budget.toml"
    path.write_text(budget.as_toml())
    assert Budget.load(path) == budget


def test_load_lists_every_fault_with_the_nearest_name(file):
    path = file('max_latncy = "50ms"\nmax_ram = 5\nflash_bytes = "1MB"\nmax_energy = "2mW"\nenergy_j = 0.1\n')
    with pytest.raises(InputError) as caught:
        Budget.load(path)
    first, *rest = str(caught.value).splitlines()
    assert first == "4 faults:"
    assert all(line.startswith(f"  {path}: ") for line in rest)
    assert "unknown key 'max_latncy'" in rest[0]
    assert rest[0].endswith("did you mean 'max_latency'?")
    assert "max_ram: 5 has no unit; expected a text such as '128KiB'" in rest[1]
    assert "quantities with units go under max_flash" in rest[2]
    assert "max_energy: '2mW' has the unknown unit 'mW'" in rest[3]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "0 keys; expected at least one of max_latency"),
        ("[budget]\n", "0 keys"),
        ('max_ram = "1KiB"\nram_bytes = 1024', "RAM is limited twice; keep one of max_ram and ram_bytes"),
        ('task = "x"\n[budget]\nmax_ram = "1KiB"', "key 'task' beside [budget]"),
        ("budget = 5", "unknown key 'budget'"),
        ("max_ram = ", "not TOML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("max_ram = " + "[" * 100_000, "nested too deeply"),
        ("max_ram = " + "{a=" * 100_000, "nested too deeply"),
        (".".join(["a"] * 400_000) + " = 1", "more than 32 dots"),
        ("[" + ".".join(["a"] * 400_000) + "]\nb.c = 1", "more than 32 dots"),
        ("latency_s = " + "9" * 5000, "not TOML"),
        ("ram_bytes = 0x" + "f" * 5000, "got an int too long to print"),
        ("\n".join(f"max_{n} = 1" for n in range(60_000)), "60000 keys; expected at least one of"),
        ("#" * 1_000_001, "at most 1000000 bytes"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_load_refuses_in_one_sentence(file, text, fault):
    with pytest.raises(InputError) as caught:
        Budget.load(file(text))
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_load_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"missing.toml: expected a budget in TOML, got none that can be read: No such file"):
        Budget.load(tmp_path / "missing.toml")


def test_texts_of_the_command_line_are_all_read_or_all_refused():
    assert Budget.from_texts(max_latency="50ms", max_flash="1MiB") == Budget(latency_s=0.05, flash_bytes=1024**2)
    with pytest.raises(InputError) as caught:
        Budget.from_texts(max_latency="0ms", max_ram="64")
    assert str(caught.value).splitlines()[0] == "2 faults:"
    assert "--max-latency: '0ms' is zero" in str(caught.value)
    assert "--max-ram: '64' has no unit" in str(caught.value)
