"""What a process may hold: sizes as they are written, the limit that is set, what is left."""

import resource
import subprocess
import sys

import pytest

from inputgrad_cli.machine import process_memory_limit
from inputgrad_cli.machine.memory_and_core_limits import find_available_memory
from inputgrad_cli.machine.memory_size_option import parse_size
from inputgrad_cli.machine.process_memory_limit import find_free_memory, limit_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("auto", None),
        ("800M", 800 << 20),
        ("4G", 4 << 30),
        ("4g", 4 << 30),
        ("1.5G", 3 << 29),
        ("2 GiB", 2 << 30),
        ("900MB", 900 << 20),
        ("300000K", 300_000 << 10),
        ("1T", 1 << 40),
        ("1073741824", 1 << 30),
    ],
)
def test_a_size_is_written_with_or_without_its_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "4", "0G", "-4G", "4 apples", "1e9", "inf", "G", "AUTO", "٤G"]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"size such as 800M|is less than"):
        parse_size(text)


def alone(check):
    """Run a check in a process of its own: this one may hold more than the limits it sets."""
    child = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import {check.__name__} as check; check()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr


def check_limit():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with limit_memory("1500M") as held:
        assert held.max_bytes == 1500 << 20
        assert resource.getrlimit(resource.RLIMIT_DATA) == (held.max_bytes, before[1])
        process_memory_limit.suspend_limit()
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
        process_memory_limit.restore_limit()
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] < (1500 << 20) + (1 << 30)
        assert find_free_memory().size == pytest.approx(
            held.max_bytes - process_memory_limit.measure_resident(), abs=4 << 20
        )
        assert find_free_memory().source == "--max-memory 1500M"
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_the_limit_of_the_process_lasts_as_long_as_the_block():
    alone(check_limit)


def test_auto_leaves_a_tenth_of_what_is_left():
    free = find_available_memory().value
    with limit_memory("auto"):
        assert find_free_memory().size == pytest.approx(0.9 * free, rel=0.1)
    assert find_free_memory().size == pytest.approx(0.9 * free, rel=0.1)


def check_lower_limit():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    low = 3 << 30
    resource.setrlimit(resource.RLIMIT_DATA, (low, before[1]))
    try:
        with limit_memory("4G"):
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] == low
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] == low
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_a_limit_that_stood_before_is_never_raised():
    alone(check_lower_limit)


def test_a_python_caller_has_no_limit_set():
    assert process_memory_limit._Process.allowance is None
    assert find_free_memory().source.startswith("nine tenths of")
