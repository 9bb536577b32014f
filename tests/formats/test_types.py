"""An array as a model input takes it: floats, whole numbers, truths and texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import (
    Samples,
    compute_keys,
    find_nonfinite,
    join_samples,
    match_input,
)
from inputgrad_cli.errors import ItemError

from . import port

WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_keep_the_inputs_type_and_its_limits_fit(dtype):
    info = np.iinfo(dtype)
    for given_ in (np.array([info.min, info.max], dtype), np.array([0.0, 7.0])):
        values = fit_array(given_, port((2,), dtype), "f").array
        assert values.dtype == dtype
        np.testing.assert_array_equal(values[0], given_)


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("past", [-1, 1])
def test_one_past_the_limits_is_refused(dtype, past):
    info = np.iinfo(dtype)
    edge = info.max + 1 if past > 0 else info.min - 1
    with pytest.raises(ItemError, match=r"at \[1\] does not fit"):
        fit_array(
            np.array([0.0, float(edge) if past > 0 else np.nextafter(edge, -1e30)]),
            port((2,), dtype),
            "f",
        )


@pytest.mark.parametrize("value", [1.5, np.nan, np.inf, -np.inf, 256, -1])
def test_the_value_and_its_place_are_named(value):
    array = np.zeros((2, 3))
    array[1, 2] = value
    with pytest.raises(ItemError, match=rf"{value}.* at \[1, 2\]") as error:
        fit_array(array, port((2, 3), "uint8"), "f.npy")
    assert "whole numbers from 0 to 255" in str(error.value)
    assert error.value.kind == "dtype"


def test_of_many_samples_the_wrong_ones_fail_alone():
    values = fit_array(np.array([[1, 2], [3, 4.5], [5, 6]]), port((2,), "int32"), "f")
    assert values.many
    assert list(values.failed) == [1]
    assert "sample 1" in str(values.failed[1])
    np.testing.assert_array_equal(values.array[[0, 2]], [[1, 2], [5, 6]])


@given(st.lists(st.floats(width=32), min_size=1, max_size=8))
def test_an_input_takes_a_float_just_where_it_is_a_whole_number_in_range(values):
    result = fit_array(np.array([[v] for v in values], np.float32), port((1,), "int16"), "f")
    for row, value in enumerate(values):
        whole = float(value).is_integer() and -(2**15) <= value < 2**15
        assert (row in result.failed) != whole
        assert not whole or result.array[row, 0] == value


def test_bools_are_zero_and_one():
    values = fit_array(np.array([1.0, 0.0]), port((2,), "bool"), "f").array
    assert values.dtype == bool
    with pytest.raises(ItemError, match="0 and 1"):
        fit_array(np.array([2, 0]), port((2,), "bool"), "f")


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_floats_travel_as_float32(dtype):
    assert fit_array(np.array([1, 2]), port((2,), dtype), "f").array.dtype == np.float32


def test_float64_inputs_keep_their_digits():
    value = np.array([1 + 1e-12])
    assert fit_array(value, port((1,), "float64"), "f").array[0] == value


def test_texts_are_arrays_without_objects():
    values = fit_array(np.array(["a", "bcd"]), port((), "string"), "f")
    assert values.many
    assert values.array.dtype.kind == "U"
    assert fit_array(np.array(b"caf\xc3\xa9"), port((), "string"), "f").array[0] == "café"


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([1.0]), "string"),
        (np.array(["a"]), "float32"),
        (np.array(["1"]), "int32"),
        (np.array([b"\xff"]), "string"),
        (np.array([0x110000], np.uint32).view("U1"), "string"),
        (np.array([0xD800], np.uint32).view("U1"), "string"),
        (np.array([1 + 2j]), "float32"),
        (np.array(["2026-01-01"], "datetime64[D]"), "int64"),
        (np.array([None]), "string"),
    ],
)
def test_the_wrong_kind_of_value_is_refused(array, dtype):
    with pytest.raises(ItemError) as error:
        fit_array(array, port((1,), dtype), "f")
    assert error.value.kind == "dtype"


def test_only_floats_are_searched_for_nan():
    assert find_nonfinite({"x": np.array(["nan"]), "y": np.array([1])}, "f") == {}


def test_the_key_of_a_text_depends_on_its_content_alone():
    alone = compute_keys({"x": np.array(["ab"])}, 0)
    beside = compute_keys({"x": np.array(["ab", "a much longer text"])}, 0)
    assert alone[0] == beside[0] != beside[1]
    assert compute_keys({"x": np.array([["a", "bc"]])}, 0) != compute_keys(
        {"x": np.array([["ab", "c"]])}, 0
    )


def test_texts_of_unequal_length_travel_together():
    parts = [Samples({"x": np.array([text])}) for text in ("a", "bcd")]
    assert join_samples(parts).arrays["x"].tolist() == ["a", "bcd"]


def test_a_whole_number_picture_gets_its_pixels_as_they_are_unless_told():
    assumed = match_input(
        PRESETS["unit"].__class__("unit", 255.0, source="assumed"), port((4, 4, 3), "uint8")
    )
    assert assumed.keeps_values
    assert "uint8" in assumed.source
    assert not match_input(PRESETS["unit"], port((4, 4, 3), "uint8")).keeps_values


@pytest.mark.parametrize(
    ("shape", "picture", "first"),
    [
        ((8, 9, 3), (8, 9, 3), False),
        ((3, 8, 9), (8, 9, 3), True),
        ((1, None, None), (None, None, 1), True),
        ((3, 8, 3), (3, 8, 3), False),
        ((8, 9, 4), (8, 9, 4), False),
        ((8, 9, 7), None, False),
        (None, None, False),
    ],
)
def test_which_shapes_are_pictures(shape, picture, first):
    spec = port(shape)
    assert spec.image_shape == picture
    assert spec.channels_first is first
    assert spec.is_image == (picture is not None and picture[2] in (1, 3))


@pytest.mark.parametrize(
    ("shape", "certain"),
    [((28, 28), True), ((8, 8), True), ((28, 14), False), ((4, 4), False), ((None, None), False)],
)
def test_two_axes_take_grey_pictures_and_are_pictures_for_certain_where_they_are_alike(
    shape, certain
):
    assert port(shape).image_shape == (*shape, 1)
    assert port(shape).is_image is certain


def test_channels_are_moved_after_the_preprocessing():
    pixels = np.arange(12.0).reshape(1, 2, 2, 3)
    for name in PRESETS:
        last, first = PRESETS[name], match_input(PRESETS[name], port((3, 2, 2)))
        np.testing.assert_array_equal(
            first.apply(pixels)[0], last.apply(pixels)[0].transpose(2, 0, 1)
        )
        np.testing.assert_array_equal(
            first.build_flat_image(7, (3, 2, 2)),
            last.build_flat_image(7, (2, 2, 3)).transpose(2, 0, 1),
        )
