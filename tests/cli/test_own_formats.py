"""A format from outside the package: a reader is registered, and commands read its files."""

import json

import numpy as np
import pytest

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import decode_text
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.formats.readers import READERS
from inputgrad_cli.interfaces.reader import Reader, register

from . import arrays, items


def read_rows(file, options):
    """Return the rows of a file of JSON lists, written with `;` for the commas."""
    (spec,) = options.specs
    try:
        text = decode_text(file.read_all(), file.where, "rows of numbers")
        rows = np.array(json.loads(text.replace(";", ",")))
    except ValueError:
        raise ItemError(f"{file.where}: not rows of numbers", kind="unreadable") from None
    return from_arrays({spec.name: rows}, options.specs, file.where)


@pytest.fixture
def rows(samples, tmp_path):
    """Make a directory of a file of rows, a broken one and a .npy of the same numbers."""
    folder = tmp_path / "in"
    folder.mkdir()
    values = np.load(samples / "inputs/sequential.npy")
    np.save(folder / "a.npy", values)
    (folder / "a.rows").write_text(json.dumps(values.tolist()).replace(",", ";"))
    (folder / "b.rows").write_text("[[1; 2")
    return folder


@pytest.fixture
def registered():
    register(Reader((".rows",), read_rows, many=True))
    yield
    del READERS[".rows"]


def test_files_of_an_unknown_format_are_refused(call, samples, rows):
    result = call("saliency", samples / "sequential.keras", rows / "a.rows")
    assert result.code != 0
    assert "files named .rows are not read" in result.err


@pytest.mark.usefixtures("registered")
def test_a_format_that_was_registered_is_read_like_any_other(call, samples, rows, tmp_path):
    model = samples / "sequential.keras"
    result = call("saliency", model, rows, "-o", "out", "--json")
    by_name = {item["input"]: item for item in items(result)}
    assert {name: item["status"] for name, item in by_name.items()} == {
        "a.npy": "ok",
        "a.rows": "ok",
        "b.rows": "failed",
    }
    assert "not rows of numbers" in str(by_name["b.rows"]["error"])
    maps = {name: arrays(tmp_path / f"out/{name}.gradient.npz") for name in ("a.rows", "a.npy")}
    for site, values in maps["a.npy"].items():
        np.testing.assert_array_equal(maps["a.rows"][site], values)
    planned = call("saliency", model, rows / "a.rows", "--dry-run", "-o", "later")
    assert planned.code == 0
    assert "later/a.rows.gradient.npz" in planned.out
    assert call("verify", "out").code == 0
