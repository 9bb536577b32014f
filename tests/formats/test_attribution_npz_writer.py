"""Results that are read again: whole, or row by row where they are large."""

import io
import json
import zipfile

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.attribution_npz_writer import to_bytes
from inputgrad_cli.formats.read_attribution import open_result, read_result
from inputgrad_cli.formats.streaming import hash_checked_file
from inputgrad_cli.numeric.lazy_array import is_lazy


@pytest.fixture(params=[hash_checked_file.BLOCK_BYTES, 1000])
def large(request, monkeypatch):
    """Let every file be large, in one block or in several."""
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
    monkeypatch.setattr(hash_checked_file, "BLOCK_BYTES", request.param)


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    return {n: rng.normal(size=s).astype(np.float32) for n, s in (("a", (40, 5, 3)), ("b", (40,)))}


def record(many):
    """Return what a result of 40 samples, or of one, says of itself at least."""

    def column(value):
        return [value] * 40 if many else value

    return {
        "schema": 1,
        "many": many,
        "method": {"name": "gradient", "label": "gradient"},
        "target": {"asked": "auto", "label": column(None)},
        "space": "logit",
        "score": column(0.5),
        "checks": column({"finite": True, "zero": False}),
        "reduce": "sum",
    }


def saved(tmp_path, values, many=True):
    path = tmp_path / "r.npz"
    path.write_bytes(to_bytes(Attribution(values, record(many), many)))
    return path


def test_rows_are_those_that_are_stored(large, tmp_path, values):
    path = saved(tmp_path, values)
    whole, parts = read_result(path), open_result(path)
    assert (whole.metadata, whole.many) == (parts.metadata, parts.many)
    for site, array in values.items():
        assert is_lazy(parts.values[site])
        assert not is_lazy(whole.values[site])
        for rows in (slice(None), slice(7, 9), np.array([30, 2, 3])):
            np.testing.assert_array_equal(parts.values[site][rows], array[rows])
            np.testing.assert_array_equal(whole.values[site][rows], array[rows])


def test_small_files_and_single_samples_are_held_whole(tmp_path, values, monkeypatch):
    path = saved(tmp_path, values)
    assert not any(is_lazy(array) for array in open_result(path).values.values())
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
    single = open_result(saved(tmp_path, values, many=False))
    np.testing.assert_array_equal(single.values["a"], values["a"])
    assert not is_lazy(single.values["a"])


@pytest.mark.parametrize(
    "save",
    [
        np.savez_compressed,
        lambda out, **a: np.savez(out, **{n: np.asfortranarray(v) for n, v in a.items()}),
    ],
)
def test_what_others_packed_is_read_too(large, tmp_path, values, save):
    """NumPy's own archives may be packed, or hold arrays column by column."""
    out = io.BytesIO()
    save(out, **values)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("metadata.json", json.dumps(record(many=True)))
    (tmp_path / "r.npz").write_bytes(out.getvalue())
    whole, parts = read_result(tmp_path / "r.npz"), open_result(tmp_path / "r.npz")
    for site in values:
        np.testing.assert_array_equal(np.asarray(parts.values[site]), whole.values[site])


@pytest.mark.parametrize("read", [read_result, open_result])
@pytest.mark.parametrize("spoil", ["cut", "bit", "gone"])
def test_damage_is_told(large, tmp_path, values, read, spoil):
    path = saved(tmp_path, values)
    data = bytearray(path.read_bytes())
    data[1200] ^= 1
    path.write_bytes({"cut": data[:900], "bit": data, "gone": b""}[spoil])
    with pytest.raises(ItemError) as error:
        read(path)
    assert error.value.kind == "unreadable"


def test_a_file_that_changes_after_it_was_opened_is_noticed(tmp_path, values, monkeypatch):
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
    monkeypatch.setattr(hash_checked_file, "BLOCK_BYTES", 1000)
    path = saved(tmp_path, values)
    parts = open_result(path)
    parts.values["b"][0]  # another block is at hand now
    data = bytearray(path.read_bytes())
    data[1200] ^= 1
    path.write_bytes(data)
    with pytest.raises(ItemError, match="changed while it was read"):
        parts.values["a"][17]
