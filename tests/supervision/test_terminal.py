"""A process that dies under a terminal leaves no half of its status line there."""

import json
import signal
import sys

from tests.faults.conftest import ENV, draw_many
from tests.faults.server import SETTINGS
from tests.terminal import Terminal

from .conftest import poison


def test_what_a_dead_process_had_drawn_is_taken_away(folder):
    names = draw_many(folder / "in", 8)
    poison(folder / "in" / names[5])
    settings = json.dumps({"crash": signal.SIGSEGV, "seconds": 0.4})
    words = ("saliency", "m.keras", "in", "--batch-size", "2")
    line = [sys.executable, "-m", "tests.faults.server", *words]
    screen = Terminal(line, cwd=folder, env={**ENV, SETTINGS: settings})
    try:
        assert screen.wait() == 3
    finally:
        screen.close()
    assert b"item 5 of 8" in screen.raw
    lines = [line for line in screen.lines if line.strip()]
    assert not [line for line in lines if "item " in line], lines
    assert sum(line.startswith(("in/", "0/")) for line in lines) == 7
    assert any(line.startswith("inputgrad: failed: in/") for line in lines)
