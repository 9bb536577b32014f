"""Axes of one that a file has and the model does not, or the other way round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import match_input
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import align_shape

from . import jsonl, npy, picture, port, read

SHAPES = st.lists(st.integers(1, 4), max_size=4).map(tuple)
PLACES = st.integers(0, 4)


def without_ones(shape):
    return tuple(length for length in shape if length != 1)


@given(SHAPES, PLACES)
def test_an_axis_of_one_more_or_less_is_the_same_sample(shape, axis):
    axis = min(axis, len(shape))
    wider = (*shape[:axis], 1, *shape[axis:])
    values = np.arange(float(np.prod(shape)))
    for own, wanted in ((shape, wider), (wider, shape)):
        rows = fit_array(values.reshape(own), port(wanted), "f")
        assert rows.array.shape == (1, *wanted)
        np.testing.assert_array_equal(rows.array.ravel(), values)


@given(st.integers(2, 3), SHAPES, PLACES)
def test_many_samples_may_lack_or_have_an_axis_of_one_too(count, shape, axis):
    axis = min(axis, len(shape))
    wider = (*shape[:axis], 1, *shape[axis:])
    values = np.arange(float(count * np.prod(shape)))
    for own, wanted in ((shape, wider), (wider, shape)):
        rows = fit_array(values.reshape(count, *own), port(wanted), "f")
        if align_shape((count, *own), wanted) is None:  # else it is one sample by its own shape
            assert rows.many
            assert rows.array.shape == (count, *wanted)
        np.testing.assert_array_equal(rows.array.ravel(), values)


@given(SHAPES, SHAPES)
def test_nothing_but_axes_of_one_is_ever_added_or_left_out(shape, like):
    result = align_shape(shape, like)
    assert (result is not None) == (without_ones(shape) == without_ones(like))
    assert result in (None, like)


@pytest.mark.parametrize(
    ("shape", "like", "result"),
    [
        ((28, 28), (None, None, 1), (28, 28, 1)),
        ((5, 1), (None,), (5,)),
        ((1, 3), (None, 3, 1), (1, 3, 1)),
        ((4,), (None, 4), None),  # a length that is open is not of itself one
        ((1,) * 30 + (5,), (1,) * 30 + (4,), None),
    ],
)
def test_axes_of_any_length_take_what_is_there(shape, like, result):
    assert align_shape(shape, like) == result


@pytest.mark.parametrize(
    ("shape", "like", "many"),
    [
        ((1, 28, 28), (28, 28, 1), True),
        ((7, 1, 28, 28), (28, 28, 1), True),
        ((1, 28, 28, 1), (28, 28), True),
        ((28, 28, 1), (28, 28), False),
        ((16, 32, 32), (16, 32, 32, 1), False),
        ((9,), (1,), True),
        ((), (1,), False),
        ((9, 1), (), True),
    ],
)
def test_an_axis_that_leads_counts_samples(shape, like, many):
    rows = fit_array(np.zeros(shape), port(like), "f")
    assert rows.many is many
    assert rows.array.shape[1:] == like


@pytest.mark.parametrize("shape", [(28, 27), (2, 28, 27), (28,), (14, 56)])
def test_other_axes_are_refused_with_both_shapes(shape):
    with pytest.raises(ItemError, match=r"does not fit.*\(28, 28, 1\)"):
        fit_array(np.zeros(shape), port((28, 28, 1)), "f")


def test_files_of_every_kind_may_lack_the_axis():
    values = np.arange(6.0).reshape(2, 3)
    for name, data in (("a.npy", npy(values)), ("a.jsonl", jsonl(values.tolist()))):
        array = read(name, data, port((2, 3, 1))).arrays["x"]
        np.testing.assert_array_equal(array, values[np.newaxis, ..., np.newaxis])


def test_a_grey_and_a_colour_picture_feed_an_input_without_channels():
    grid = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    for data in (picture(grid[..., 0]), picture(grid)):
        flat, deep = read("a.png", data, port((28, 28))), read("a.png", data, port((28, 28, 1)))
        assert flat.arrays["x"].shape == (1, 28, 28)
        np.testing.assert_array_equal(flat.arrays["x"][..., np.newaxis], deep.arrays["x"])
        np.testing.assert_array_equal(flat.pixels["x"], deep.pixels["x"])
        assert flat.record["flat"] == ["x"]
        assert flat.notes == deep.notes


def test_black_and_white_are_of_the_shape_of_the_input():
    for name in ("raw", "unit", "tf"):
        flat = match_input(PRESETS[name], port((4, 5)))
        assert flat.build_flat_image(255, (4, 5)).shape == (4, 5)
        np.testing.assert_array_equal(
            flat.build_flat_image(9, (4, 5)), PRESETS[name].build_flat_image(9, (4, 5, 1))[..., 0]
        )
