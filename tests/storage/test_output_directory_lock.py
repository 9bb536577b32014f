"""The text that a process leaves in its lock says whether the process has ended."""

import os
import platform

import pytest

from inputgrad_cli.storage.output_directory_lock import _is_gone


@pytest.mark.parametrize(
    ("pid", "is_gone"),
    [
        ("99999999999999999999", True),  # no system has such a number
        ("9" * 5000, True),  # longer than Python converts
        ("", False),
        ("one", False),
    ],
)
def test_a_process_is_gone_if_none_has_its_number(pid, is_gone):
    assert _is_gone(f"process {pid} on {platform.node()}".encode()) is is_gone


def test_this_process_is_not_gone():
    assert not _is_gone(f"process {os.getpid()} on {platform.node()}".encode())


def test_a_process_of_another_machine_may_live():
    assert not _is_gone(b"process 99999999999999999999 on another")
