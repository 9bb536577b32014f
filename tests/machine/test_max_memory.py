"""What a process may hold: sizes as they are written, the limit that is set, what is left."""

import resource
import subprocess
import sys

import pytest

from inputgrad_cli.machine import memory
from inputgrad_cli.machine.limits import available_memory
from inputgrad_cli.machine.memory import allowing, parse_size, room


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
    with allowing("1500M") as held:
        assert held.most == 1500 << 20
        assert resource.getrlimit(resource.RLIMIT_DATA) == (held.most, before[1])
        memory.pause()
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
        memory.enforce()
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] < (1500 << 20) + (1 << 30)
        assert room().size == pytest.approx(held.most - memory.resident(), abs=4 << 20)
        assert room().words == "--max-memory 1500M"
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_the_limit_of_the_process_lasts_as_long_as_the_block():
    alone(check_limit)


def test_auto_leaves_a_tenth_of_what_is_left():
    free = available_memory().value
    with allowing("auto"):
        assert room().size == pytest.approx(0.9 * free, rel=0.1)
    assert room().size == pytest.approx(0.9 * free, rel=0.1)


def check_lower_limit():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    low = 3 << 30
    resource.setrlimit(resource.RLIMIT_DATA, (low, before[1]))
    try:
        with allowing("4G"):
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] == low
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] == low
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_a_limit_that_stood_before_is_never_raised():
    alone(check_lower_limit)


def test_a_python_caller_has_no_limit_set():
    assert memory._Process.allowance is None
    assert room().words.startswith("nine tenths of")
