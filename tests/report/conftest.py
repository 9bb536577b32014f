"""Runs on disk, made by the command with the closed-form engine of the tests of faults."""

import pytest

from tests.faults import conftest as faults
from tests.report.synthetic import HOSTILE

server, folder, tool = faults.server, faults.folder, faults.tool


@pytest.fixture
def report(tool, folder):
    """Write the report of `out`; return the result and the bytes of the page."""

    def report(*words, page="out/report.html"):
        result = tool("report", "out", *words)
        path = folder / page
        return result, path.read_bytes() if path.exists() else b""

    return report


@pytest.fixture
def run(tool, folder):
    """Make a run of two pictures, two methods and a file that is no picture."""
    for seed, name in enumerate("ab"):
        faults.draw(folder / "in" / f"{name}.png", seed)
    (folder / "in/broken.png").write_text("no picture")
    words = ["saliency", "m.keras", "in", "-o", "out", "-m", "gradient"]
    assert tool(*words, "-m", "integrated-gradients").code == 3
    return folder / "out"


@pytest.fixture
def hostile_run(tool, folder):
    """Make a run of pictures whose names attack a page."""
    for seed, name in enumerate(HOSTILE):
        faults.draw(folder / "in" / name, seed)
    assert tool("saliency", "m.keras", "in", "-o", "out").code == 0
    return folder / "out"
