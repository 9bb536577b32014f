"""Every call to the disk fails once, in its turn, until there is none left to fail."""

import shutil

import pytest

from .conftest import draw_many

WORDS = ("saliency", "m.keras", "in", "--json", "--zoom", "1", "--batch-size", "1")
OWN = 45  # calls that a run of these pictures makes at least; else the loop would show nothing
WRITES = 7  # two arrays, two pictures, run.json, and journal and marks, if both items share a line


@pytest.fixture
def names(folder):
    """Return the names of the inputs."""
    return draw_many(folder / "in", 2, folders=2)


def spoil(tool, whole, least=OWN, words=(), **fault):
    """Yield what came of a run for each call that fails, first to last; then it is made whole."""
    report = whole.folder / "out.spoiled"
    for at in range(1, 400):
        shutil.rmtree(whole.out, ignore_errors=True)
        settings = {"folder": str(whole.out), "report": str(report), "at": at, **fault}
        result = tool(*WORDS, "-o", "out", *words, fault=settings)
        if not report.exists():
            assert at > least
            return
        call = report.read_text().splitlines()[0]
        report.unlink()
        try:
            whole.check(result)
            yield call, result
            again = tool(*WORDS, "-o", "out")
            whole.check_end(again)
        except AssertionError as error:
            raise AssertionError(f"call {at}, {call}: {error}") from error
    raise AssertionError("there is no end of calls")


@pytest.mark.parametrize(
    ("effect", "persistent"),
    [
        ("ENOSPC", True),
        ("EIO", False),
        pytest.param("ENOSPC", False, marks=pytest.mark.slow),
        pytest.param("EIO", True, marks=pytest.mark.slow),
    ],
)
def test_an_error_at_each_call_leaves_nothing_half(tool, whole, effect, persistent):
    """Cases 55, 6, 7, 9: every call, both errors, once and from there on."""
    for call, result in spoil(tool, whole, effect=effect, persistent=persistent):
        if result.code == 0:  # what fails and harms nothing: tidying up
            assert call.split()[0] in ("unlink", "close", "mkdir"), call


def test_a_write_that_stops_half_way_leaves_nothing_half(tool, whole):
    """Cases 55, 6, 7: half of the bytes are there before the disk is full."""
    for _, result in spoil(tool, whole, effect="torn", only="write", least=WRITES):
        assert result.code == 74


def test_a_kill_before_each_call_leaves_nothing_half(tool, whole):
    """Cases 55, 2, 3: SIGKILL before every call, so also between replace and journal."""
    for _, result in spoil(tool, whole, effect="kill"):
        assert result.code == -9


@pytest.mark.parametrize("batch", ["1", "2"])
def test_a_death_before_each_call_is_mended_by_the_call_itself(tool, whole, batch):
    """Cases 55, 2, 3: SIGKILL of the process that works; the one that watches starts another."""
    codes = set()
    for _, result in spoil(tool, whole, effect="die", words=("--batch-size", batch)):
        codes.add(result.code)
    assert 0 in codes
    assert codes <= {0, 3}
