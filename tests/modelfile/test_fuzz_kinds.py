"""Two thousand model files with random bytes changed: one sentence each, at once, in no memory."""

import contextlib

import pytest

from inputgrad_cli.describe.model import describe_model
from inputgrad_cli.errors import InputgradError
from tests.modelfile.fuzz import bent, healthy
from tests.peak_memory import peak
from tests.processor_cost import limit_cost

JOBS, BYTES = 150, 1 << 30


def look(seed, folder):
    """Return the sentence that a bent file ends in, None where it is taken."""
    data, ending = bent(seed)
    path = folder / f"{seed}{ending}"
    path.write_bytes(data)
    said = None
    with limit_cost(JOBS):
        try:
            said = describe_model(path).problem
        except InputgradError as error:
            said = error.format_line()
    said = said and said.replace(str(path), "")
    path.unlink()
    assert list(folder.iterdir()) == []
    return said


def try_all(numbers, folder):
    before = peak(anew=True)
    said = [look(seed, folder) for seed in numbers]
    assert peak() - before < BYTES
    assert None in said  # a changed byte of an array harms nobody
    assert len({text for text in said if text}) > 15
    return said


def test_the_healthy_files_open(tmp_path):
    for kind, (data, ending) in healthy().items():
        path = tmp_path / f"{kind}{ending}"
        path.write_bytes(data)
        assert describe_model(path).problem is None


def test_bent_files_are_told_about_or_refused(tmp_path):
    try_all(range(240), tmp_path)


@pytest.mark.slow
def test_two_thousand_bent_files_are_told_about_or_refused(tmp_path):
    try_all(range(2000), tmp_path)


@pytest.mark.slow
def test_bent_files_that_get_as_far_as_keras(tmp_path):
    from inputgrad_cli import api

    for kind, (data, ending) in healthy().items():
        path = tmp_path / f"{kind}{ending}"
        path.write_bytes(data)
        assert api.load(path).signature.inputs[0].name == "x"
        path.unlink()
    for seed in range(2, 400, 3):
        data, ending = bent(seed)
        path = tmp_path / f"{seed}{ending}"
        path.write_bytes(data)
        with contextlib.suppress(InputgradError):
            api.load(path)
        path.unlink()
        assert list(tmp_path.iterdir()) == []
