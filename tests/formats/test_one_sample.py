"""One sample is the same array in every format that can hold it; what is no file is a sentence."""

import io
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.readers import READERS

from . import jsonl, npy, npz, port, read

LOSSY = {".jpg", ".jpeg"}  # hold the picture, but not its very pixels


def sheet(mark):
    return lambda array: mark.join(map(repr, array.ravel().tolist())).encode() + b"\n"


def parquet(array):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"x": [array.tolist()]}), out)
    return out.getvalue()


def saved(kind, **options):
    def write(array):
        out = io.BytesIO()
        Image.fromarray(array.astype(np.uint8)).save(out, kind, **options)
        return out.getvalue()

    return write


def sound(array):
    out = io.BytesIO()
    soundfile.write(out, array / 128, 8000, format="WAV", subtype="PCM_16")
    return out.getvalue()


NUMBERS = {
    ".npy": npy,
    ".npz": lambda array: npz(x=array),
    ".jsonl": lambda array: jsonl(array.tolist()),
    ".parquet": parquet,
    ".csv": sheet(","),
    ".tsv": sheet("\t"),
}
PICTURES = {
    ".png": saved("PNG"),
    ".webp": saved("WEBP", lossless=True),
    ".bmp": saved("BMP"),
    ".tif": saved("TIFF"),
    ".tiff": saved("TIFF", compression="tiff_lzw"),
    ".gif": saved("GIF"),
    ".jpg": saved("JPEG", quality=100),
    ".jpeg": saved("JPEG", quality=100),
}
OTHERS = {".wav": sound, ".txt": lambda _: b"word"}


def test_every_suffix_that_is_read_is_written_here():
    assert {*NUMBERS, *PICTURES, *OTHERS} == set(READERS)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=6))
def test_a_vector_is_the_same_in_every_format(values):
    array = np.float32(values)
    for suffix, write in NUMBERS.items():
        samples = read(f"a{suffix}", write(array), port(array.shape)).arrays["x"]
        np.testing.assert_array_equal(samples[0], array, err_msg=suffix)


@given(st.integers(0, 99), st.sampled_from([(6, 7), (6, 7, 1)]))
def test_a_grey_picture_is_the_same_in_every_format(seed, shape):
    grid = np.random.default_rng(seed).integers(0, 256, (6, 7), dtype=np.uint8)
    arrays = {s: NUMBERS[s] for s in (".npy", ".npz", ".jsonl", ".parquet")}
    for suffix, write in {**arrays, **PICTURES}.items():
        values = read(f"a{suffix.upper()}", write(grid), port(shape)).arrays["x"][0]
        assert values.shape == shape
        far = 4 if suffix in LOSSY else 0
        np.testing.assert_allclose(values.reshape(6, 7), grid, atol=far, err_msg=suffix)


def test_a_sound_is_the_same_as_an_array():
    wave = np.arange(-128, 128, dtype=np.float32)
    mono = read("a.wav", sound(wave), port((256,))).arrays["x"]
    np.testing.assert_array_equal(mono, read("a.npy", npy(wave / 128), port((256,))).arrays["x"])


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 64, b"\xff\xfe\xff", b"<html>not found</html>", json.dumps({}).encode()]
)
def test_what_is_no_such_file_is_one_sentence(suffix, data):
    for shape in ((5,), (6, 7), (6, 7, 3), (6, 7, 8), (4, 6, 7, 1), (None, 2), (1,)):
        with pytest.raises(ItemError) as error:
            read(f"a{suffix}", data, port(shape))
        sentence = error.value.format_line()
        assert sentence.startswith("a.")
        assert "\n" not in sentence
        assert "Traceback" not in sentence
