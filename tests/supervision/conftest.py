"""The command without TensorFlow, as the tests of faults call it, and pictures that kill it."""

import numpy as np
import pytest
from PIL import Image

from tests.faults import conftest as faults
from tests.faults.engine import POISON

server, folder, tool, start = faults.server, faults.folder, faults.tool, faults.start
whole = faults.whole


def poison(path):
    """Let a picture end the process that computes it, where the settings name a signal."""
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0, 0] = POISON
    Image.fromarray(pixels).save(path)


@pytest.fixture
def temporary(tmp_path):
    """Return an empty directory for all that is temporary."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder
