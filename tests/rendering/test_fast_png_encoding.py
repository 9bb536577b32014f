"""The PNG files of pictures: what a reader gets back is what was drawn."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from inputgrad_cli.rendering.fast_png_encoding import encode_png

PIXELS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def opened(data):
    """Return the picture, every checksum in it held against its bytes."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.verify()
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@given(PIXELS, st.integers(1, 4), st.booleans())
def test_every_pixel_comes_back_enlarged(pixels, factor, noisy):
    read = np.asarray(opened(encode_png(pixels, "key", "text", factor, noisy)))
    np.testing.assert_array_equal(read, pixels.repeat(factor, 0).repeat(factor, 1))


def test_the_text_stands_in_the_file():
    picture = opened(encode_png(np.zeros((2, 3, 3), np.uint8), "inputgrad", '{"a": 1}'))
    assert (picture.mode, picture.size, picture.text) == ("RGB", (3, 2), {"inputgrad": '{"a": 1}'})


@pytest.mark.parametrize("factor", [1, 4])
def test_a_file_is_hardly_larger_than_that_of_pillow(factor):
    drawn = np.random.default_rng(0).integers(0, 64, (64, 64, 3), np.uint8)
    theirs = io.BytesIO()
    Image.fromarray(drawn.repeat(factor, 0).repeat(factor, 1)).save(theirs, "PNG")
    assert len(encode_png(drawn, "k", "t", factor, noisy=factor == 1)) < 1.25 * theirs.tell()
