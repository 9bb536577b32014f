"""What stands around a run: memory, standard streams, the environment, the size of batches."""

import itertools
import json
import sys

import numpy as np
import pytest

from inputgrad_cli.cli.error_exit_codes import get_exit_code, save_bug_report
from tests.cli import arrays, items
from tests.cli import draw as paint

from .conftest import draw, draw_many
from .invariants import content, lines, results

WORDS = ("saliency", "m.keras", "in", "--json", "--picture", "none")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold to RLIMIT_AS")
@pytest.mark.parametrize("spare", [60, 200, 400])
def test_a_limit_of_memory(tool, folder, spare):
    """Case 31: what does not fit fails and says so; or the run ends clearly. It never hangs."""
    draw_many(folder / "in", 3)
    np.save(folder / "in/huge.npy", np.ones((600_000, 8, 8, 3), np.uint8))
    result = tool(*WORDS, memory=spare * 1_000_000)
    assert result.code in (3, 74), result.err
    assert "memory" in result.err + result.out
    assert "Traceback" not in result.err
    assert result.events()[-1]["type"] == "summary"
    assert not [name for name in content(folder / "inputgrad-out") if name.endswith(".tmp")]


def test_a_thread_that_cannot_be_started_is_a_want_of_memory():
    try:
        raise RuntimeError("can't start new thread")
    except RuntimeError:
        error = save_bug_report()
    assert get_exit_code(error) == 74
    assert "memory" in error.format_line()


def test_streams_that_are_closed(tool, folder):
    """Case 48: every set of closed descriptors gives the same files."""
    draw_many(folder / "in", 3)
    assert tool(*WORDS, "-o", "clean").code == 0
    for index in range(4):
        for closed in itertools.combinations((0, 1, 2), index):
            out = "out" + "".join(map(str, closed))
            assert tool(*WORDS, "-o", out, closed=list(closed)).code == 0
            assert results(folder / out) == results(folder / "clean")
            assert len(lines(folder / out)) == 3


def test_a_home_that_cannot_be_written(server, folder):
    """Case 48: neither home nor temporary directory, and no locale."""
    draw(folder / "in/a.png")
    env = {"HOME": "/nowhere", "TMPDIR": "/nowhere", "LC_ALL": "", "LANG": "xx", "TERM": "dumb"}
    result = server.run([*WORDS, "--picture", "panel"], folder, env=env)
    assert (result.code, result.err) == (0, "")


def test_another_batch_size_gives_the_same_numbers(call, samples, tmp_path):
    """Case 51: within rounding, in TensorFlow; the record tells the size."""
    for seed in range(7):
        paint(tmp_path / "in" / f"{seed}.png", seed=seed)
    hashes = {}
    for size in (1, 3, 7):
        words = ("saliency", samples / "shapes.keras", "in", "-o", str(size), "--picture", "none")
        assert call(*words, "--batch-size", size).code == 0
        assert json.loads((tmp_path / str(size) / "run.json").read_text())["batch_size"] == size
        paths = sorted((tmp_path / str(size)).glob("*.npz"))
        hashes[size] = np.stack([arrays(path)["picture"] for path in paths])
    for size in (3, 7):
        scale = np.abs(hashes[1]).max()
        np.testing.assert_allclose(hashes[size], hashes[1], rtol=1e-5, atol=1e-5 * scale)


def test_a_batch_of_its_own_size_does_not_change_the_formula(tool, folder):
    """Case 51: sizes and resume, byte for byte where the engine rounds alike."""
    draw_many(folder / "in", 9)
    for size in (1, 4, 9):
        assert tool(*WORDS, "-o", str(size), "--batch-size", size).code == 0
        assert results(folder / str(size)) == results(folder / "1")
    assert {i["status"] for i in items(tool(*WORDS, "-o", "1", "--batch-size", 2))} == {"skipped"}
