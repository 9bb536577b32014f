"""What may move: the files that say so are read, and those that cannot be used are named."""

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.runs.optimization.constraint_files import read_limits
from inputgrad_cli.runs.planning.run_options import SearchOptions

OPTIONS = ReadOptions((InputSpec("x", (3,)),), PRESETS["raw"])


def read(tmp_path, **texts):
    paths = {}
    for name, text in texts.items():
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text(text)
    return read_limits(SearchOptions(("pgd",), freeze=("b",), **paths), OPTIONS)


def test_files_are_read(tmp_path):
    limits = read(tmp_path, ranges="feature,low,high\na,0,9\n", data="a,b,c\n0,1,2\n3,4,5\n")
    assert limits.freeze == ("b",)
    assert [entry.name for entry in limits.ranges] == ["a"]
    np.testing.assert_array_equal(limits.data.arrays["x"], [[0, 1, 2], [3, 4, 5]])
    assert limits.where is None


@pytest.mark.parametrize(
    ("texts", "advice"),
    [({"ranges": "x"}, "feature"), ({"data": "a,b\n1,2\n"}, "--data")],
)
def test_what_cannot_be_used_is_said(tmp_path, texts, advice):
    with pytest.raises(UsageError) as caught:
        read(tmp_path, **texts)
    assert advice in caught.value.format_line()


def test_a_mask_lets_its_white_pixels_move(tmp_path):
    path = tmp_path / "m.png"
    Image.fromarray(np.array([[0, 255], [0, 0]], np.uint8)).save(path)
    where = read_limits(SearchOptions(("pgd",), where=path), OPTIONS).where
    np.testing.assert_array_equal(where, [[False, True], [False, False]])
    with pytest.raises(UsageError, match="cannot be read"):
        read_limits(SearchOptions(("pgd",), where=tmp_path / "none.png"), OPTIONS)
