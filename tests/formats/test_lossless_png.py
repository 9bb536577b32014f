"""Results as PNG: read back bit for bit for every kind of picture input, and blank starts."""

import numpy as np
import pytest

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.blank_sample import build_blank_sample
from inputgrad_cli.formats.images.lossless_png import encode_pixels, read_back
from inputgrad_cli.interfaces.reader import ReadOptions

SHAPES = [(9, 7, 3), (3, 9, 7), (9, 7, 1), (9, 7, 4), (9, 9), (None, None, 3)]


def options(spec, preset="torch"):
    return ReadOptions((spec,), PRESETS[preset])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pixels_come_back_from_their_file_as_they_were(shape, rng):
    spec = InputSpec("x", shape)
    height, width, channels = (side or 9 for side in spec.image_shape)
    pixels = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    back = read_back(pixels, spec, options(spec, "unit"))
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, pixels)


def test_the_file_is_the_same_each_time_and_a_png():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert encode_pixels(pixels) == encode_pixels(pixels.copy())
    assert encode_pixels(pixels)[1:4] == b"PNG"


@pytest.mark.parametrize("shape", [(9, 7, 3), (3, 9, 7), (9, 7, 1), (12, 12)], ids=str)
def test_a_search_without_an_input_begins_at_a_grey_picture(shape):
    spec = InputSpec("x", shape)
    sample = build_blank_sample(options(spec, "unit"))
    assert sample.arrays["x"].shape == (1, *shape)
    np.testing.assert_allclose(sample.arrays["x"], 128 / 255, rtol=1e-6)
    assert (sample.pixels["x"] == 128).all()
    assert len(sample) == 1


def test_what_is_no_picture_begins_at_zero():
    specs = (InputSpec("a", (4,)), InputSpec("ids", (3,), "int32"), InputSpec("t", (), "string"))
    sample = build_blank_sample(ReadOptions(specs, PRESETS["unit"]))
    assert not sample.arrays["a"].any()
    assert sample.arrays["ids"].dtype == np.int32
    assert sample.arrays["t"].tolist() == [""]
    assert not sample.pixels


def test_a_size_that_the_model_leaves_open_must_be_given():
    with pytest.raises(UsageError, match="leaves its size open"):
        build_blank_sample(options(InputSpec("x", (None, None, 3))))
