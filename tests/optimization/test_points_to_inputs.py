"""Points of a search: pixels through any preprocessing and back, bounds, and what cannot move."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from inputgrad_cli.data.feature_constraints import FeatureRange
from inputgrad_cli.data.preprocessing import PRESETS, Preprocess
from inputgrad_cli.data.samples import Samples, match_input
from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.optimization.input_constraints import SearchLimits
from inputgrad_cli.optimization.points_to_inputs import build_space
from tests.formula_engines import Formula

SHAPES = {"last": (5, 4, 3), "first": (3, 5, 4), "grey": (5, 4, 1), "flat": (12, 12)}
MEAN_STD = Preprocess("mean-std", 255.0, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
CASES = [
    (preset, axes)
    for preset, axes in product([*PRESETS.values(), MEAN_STD], SHAPES)
    if axes in ("last", "first") or max(len(preset.mean), len(preset.std)) <= 1
]


class Inputs(Formula):
    """An engine of any inputs, of which some have no gradient."""

    def __init__(self, specs, sites=None, unexplained=()):
        self.signature = Signature(tuple(specs), (OutputSpec("y", (1,)),))
        self.sites = {spec.name: spec.name for spec in specs} if sites is None else sites
        self.unexplained = dict(unexplained)

    def list_sites(self, wrt=None, changeable=False):
        return self.sites

    def find_unexplained_inputs(self, sites):
        return self.unexplained


def pictures(preset, shape, rng, count=2):
    """Return the space of random pictures, as the reader of picture files would give them."""
    spec = InputSpec("x", shape)
    preprocess = match_input(preset, spec)
    height, width, channels = spec.image_shape
    pixels = rng.integers(0, 256, (count, height, width, channels)).astype(np.uint8)
    samples = Samples({"x": preprocess.apply(pixels)}, pixels={"x": pixels})
    samples = Samples(samples.arrays, pixels=samples.pixels, preprocess={"x": preprocess})
    return build_space(Inputs([spec]), samples), samples


def table(width=4, count=3, limits=None, header=()):
    array = np.arange(count * width, dtype=np.float32).reshape(count, width)
    samples = Samples({"x": array}, many=True, header=header)
    return build_space(Inputs([InputSpec("x", (width,))]), samples, limits)


def bounds(name, low, high):
    return FeatureRange(name, "here", {"low": low, "high": high})


@pytest.mark.parametrize(("preset", "axes"), CASES, ids=lambda v: getattr(v, "name", v))
def test_the_start_is_the_input_that_the_reader_gives_bit_for_bit(preset, axes, rng):
    space, samples = pictures(preset, SHAPES[axes], rng)
    inputs = space.to_inputs(space.start, np.arange(2))
    assert inputs["x"].dtype == np.float32
    np.testing.assert_array_equal(inputs["x"], samples.arrays["x"])
    np.testing.assert_array_equal(space.start.reshape(2, -1), samples.pixels["x"].reshape(2, -1))


@pytest.mark.parametrize(("preset", "axes"), CASES, ids=lambda v: getattr(v, "name", v))
def test_gradients_are_pulled_back_by_the_adjoint(preset, axes, rng):
    """For a linear score of the model input, differences at the pixels are exact slopes."""
    space, _ = pictures(preset, SHAPES[axes], rng)
    weights = rng.normal(size=space.inputs["x"].shape)

    def score(points):
        inputs = space.to_inputs(points, np.arange(2))["x"].astype(np.float64)
        return (weights * inputs).reshape(2, -1).sum(axis=1)

    gradients = space.pull_back({"x": weights})
    assert gradients.shape == space.start.shape
    for column in rng.choice(space.start.shape[1], 12, replace=False):
        ends = []
        for value in (0, 255):  # the whole range, so that float32 inputs do not matter
            points = space.start.copy()
            points[:, column] = value
            ends.append(score(points))
        slopes = (ends[1] - ends[0]) / 255
        largest = np.abs(gradients).max()
        np.testing.assert_allclose(gradients[:, column], slopes, atol=1e-5 * largest)


def test_pixels_are_bounded_and_rounded_to_whole_numbers(rng):
    space, _ = pictures(PRESETS["tf"], (5, 4, 3), rng)
    assert (space.low == 0).all()
    assert (space.high == 255).all()
    assert space.pictures == {"x"}
    moved = space.start + rng.uniform(-300, 300, space.start.shape).astype(np.float32)
    rounded = space.round_points(moved)
    np.testing.assert_array_equal(rounded, np.clip(np.rint(moved), 0, 255))
    np.testing.assert_array_equal(space.round_points(rounded), rounded)
    assert rounded.dtype == np.float32


def test_a_table_is_not_bounded_and_is_stored_as_float32():
    space = table()
    assert np.isneginf(space.low).all()
    assert np.isposinf(space.high).all()
    assert space.pictures == frozenset()
    points = space.start.astype(np.float64) + 1 / 3
    np.testing.assert_array_equal(space.round_points(points), points.astype(np.float32))


def test_ranges_bound_the_values_of_every_row():
    ranges = [bounds("a", -1, 20), bounds("c", -3, 20)]
    space = table(limits=SearchLimits(ranges=tuple(ranges)), header=("a", "b", "c", "d"))
    np.testing.assert_array_equal(space.low, np.tile([-1, -np.inf, -3, -np.inf], (3, 1)))
    np.testing.assert_array_equal(space.high, np.tile([20, np.inf, 20, np.inf], (3, 1)))
    assert space.features.names == ("a", "b", "c", "d")


def test_a_value_outside_of_its_range_may_stay_or_move_toward_it():
    space = table(limits=SearchLimits(ranges=(bounds("1", 2, 5), bounds("2", 2, 5))))
    np.testing.assert_array_equal(space.start[:, 0], [0, 4, 8])
    np.testing.assert_array_equal(space.low[:, 0], [0, 2, 2])
    np.testing.assert_array_equal(space.high[:, 0], [5, 5, 8])


def test_bounds_that_are_no_float32_are_rounded_to_the_inside():
    low, high = 0.1, 0.3  # float32 is above the first and above the second
    space = table(limits=SearchLimits(ranges=(bounds("1", low, high), bounds("2", -low, 9))))
    assert float(space.low[0, 0]) == 0  # the start
    assert float(space.high[0, 0]) <= high
    assert float(space.low[1, 1]) >= -low
    assert float(np.nextafter(space.high[0, 0], np.float32(1))) > high


@pytest.mark.parametrize(("direction", "free"), [("up", "high"), ("down", "low")])
def test_a_column_may_move_in_one_direction(direction, free):
    column = FeatureRange("2", "here", {"direction": direction})
    space = table(limits=SearchLimits(ranges=(column,)))
    fixed = space.low if free == "high" else space.high
    np.testing.assert_array_equal(fixed[:, 1], space.start[:, 1])
    assert np.isinf(getattr(space, free)[:, 1]).all()


@pytest.mark.parametrize("name", ["d", "x"])
def test_frozen_values_have_both_bounds_at_the_start(name):
    limits = SearchLimits(freeze=(name,), ranges=(bounds("a", 2, 5),))
    space = table(limits=limits, header=("a", "b", "c", "d"))
    for column in range(4):
        is_frozen = name == "x" or column == 3
        same = (space.low == space.start) & (space.high == space.start)
        assert same[:, column].all() == is_frozen


def test_a_name_that_nothing_has_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="f5"):
        table(limits=SearchLimits(freeze=("f5",)), header=("f1", "f2", "f3", "f4"))


def test_real_samples_bound_what_no_range_names():
    data = Samples({"x": np.array([[0, 0, -9, 1], [5, 7, -8, 2], [9, 9, -7, 3]], np.float32)})
    limits = SearchLimits(ranges=(bounds("1", -50, 50),), data=data)
    space = table(limits=limits)
    np.testing.assert_array_equal(space.low[0], [-50, 0, -9, 1])
    np.testing.assert_array_equal(space.high[0], [50, 9, 2, 3])  # the start of the third is 2
    np.testing.assert_array_equal(space.data, data.arrays["x"])


def test_samples_that_could_not_be_read_bound_nothing():
    array = np.array([[0, 0, 0, 0], [99, 99, 99, 99], [1, 1, 1, 1]], np.float32)
    data = Samples({"x": array}, many=True, failed={1: ItemError("bad")})
    space = table(limits=SearchLimits(data=data))
    np.testing.assert_array_equal(space.high[0], [1, 1, 2, 3])
    np.testing.assert_array_equal(space.data, array[[0, 2]])
    with pytest.raises(UsageError, match="none of the samples"):
        table(limits=SearchLimits(data=replace(data, failed=dict.fromkeys(range(3), None))))


def test_samples_of_another_width_are_refused():
    data = Samples({"x": np.zeros((2, 5), np.float32)})
    with pytest.raises(UsageError, match=r"\(5,\).*\(4,\)"):
        table(limits=SearchLimits(data=data))


@pytest.mark.parametrize("with_channels", [False, True])
def test_a_mask_says_where_pixels_may_move(with_channels, rng):
    _, samples = pictures(PRESETS["caffe"], (5, 4, 3), rng)
    where = np.zeros((5, 4), bool)
    where[1, 2] = where[4, 0] = True
    mask = np.repeat(where[..., None], 3, axis=2) if with_channels else where
    engine = Inputs([InputSpec("x", (5, 4, 3))])
    space = build_space(engine, samples, SearchLimits(where=mask))
    may_move = (space.low < space.high).reshape(2, 5, 4, 3)
    np.testing.assert_array_equal(may_move, np.broadcast_to(where[..., None], may_move.shape))


def test_a_mask_of_another_size_is_refused_with_both_shapes():
    with pytest.raises(UsageError) as caught:
        table(limits=SearchLimits(where=np.ones((7,))))
    assert "(7,)" in caught.value.format_line()
    assert "x (4,)" in caught.value.format_line()


def test_only_float_inputs_move_and_the_others_stay_as_they_are():
    specs = [InputSpec("ids", (2,), "int32"), InputSpec("x", (3,)), InputSpec("s", (), "string")]
    arrays = {
        "ids": np.array([[1, 2], [3, 4]], np.int32),
        "x": np.ones((2, 3), np.float32),
        "s": np.array(["a", "b"]),
    }
    space = build_space(Inputs(specs), Samples(arrays))
    assert space.names == ("x",)
    assert space.immovable["ids"] == "holds whole numbers (int32)"
    assert space.immovable["s"] == "holds text (string)"
    asked = build_space(Inputs(specs), Samples(arrays), SearchLimits(freeze=("ids",)))
    assert np.isinf(asked.high).all()
    inputs = space.to_inputs(space.start[[1]] + 1, np.array([1]))
    np.testing.assert_array_equal(inputs["ids"], [[3, 4]])
    assert inputs["s"].tolist() == ["b"]
    np.testing.assert_array_equal(inputs["x"], [[2, 2, 2]])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "string", "bool"])
def test_a_model_with_nothing_to_move_is_refused_by_the_name_of_its_input(dtype):
    array = np.zeros((1, 2), "U" if dtype == "string" else dtype)
    with pytest.raises(UsageError) as caught:
        build_space(Inputs([InputSpec("codes", (2,), dtype)]), Samples({"codes": array}))
    assert "no input can be moved; 'codes' holds" in caught.value.format_line()


def test_a_float_input_that_an_embedding_looks_up_cannot_move():
    engine = Inputs([InputSpec("ids", (2,))], sites={"layer:embedding": "ids"})
    with pytest.raises(UsageError, match="embedding"):
        build_space(engine, Samples({"ids": np.zeros((1, 2), np.float32)}))


def test_a_float_input_without_a_derivative_cannot_move():
    engine = Inputs([InputSpec("x", (2,))], sites={}, unexplained={"x": "Round has none"})
    with pytest.raises(UsageError, match="Round has none"):
        build_space(engine, Samples({"x": np.zeros((1, 2), np.float32)}))


def test_two_inputs_lie_one_after_another_and_only_the_requested_one_moves(rng):
    specs = [InputSpec("a", (2, 3)), InputSpec("b", (2,))]
    arrays = {spec.name: rng.normal(size=(4, *spec.shape)).astype("f4") for spec in specs}
    space = build_space(Inputs(specs), Samples(arrays))
    assert space.shapes == {"a": (2, 3), "b": (2,)}
    np.testing.assert_array_equal(space.join(space.split(space.start)), space.start)
    rows = np.array([2, 0])
    for name, array in space.to_inputs(space.start[rows], rows).items():
        np.testing.assert_array_equal(array, arrays[name][rows])
    assert build_space(Inputs(specs), Samples(arrays), wrt="b").names == ("b",)
    with pytest.raises(UsageError, match="no input 'c'"):
        build_space(Inputs(specs), Samples(arrays), wrt="c")


def test_inputs_of_one_value_go_by_their_names_whatever_the_order_of_the_columns():
    specs = [InputSpec("age", ()), InputSpec("income", (1,))]
    arrays = {"age": np.float32([40, 50]), "income": np.float32([[1], [2]])}
    samples = Samples(arrays, many=True, header=("income", "age"))
    limits = SearchLimits(freeze=("income",), ranges=(bounds("age", 18, 90),))
    space = build_space(Inputs(specs), samples, limits)
    np.testing.assert_array_equal(space.low, [[18, 1], [18, 2]])
    np.testing.assert_array_equal(space.high, [[90, 1], [90, 2]])
    inputs = space.to_inputs(space.start + 1, np.arange(2))
    assert inputs["age"].shape == (2,)
    assert inputs["income"].shape == (2, 1)


def test_the_chosen_items_are_a_space_of_their_own():
    space = table()
    part = space.take(np.array([2, 0]))
    np.testing.assert_array_equal(part.start, space.start[[2, 0]])
    np.testing.assert_array_equal(part.inputs["x"], space.inputs["x"][[2, 0]])


def test_a_stack_of_frames_is_refused_by_name(rng):
    preprocess = Preprocess("unit", 255.0, frames=True)
    array = rng.normal(size=(1, 2, 4, 4, 3)).astype("f4")
    samples = Samples({"clip": array}, preprocess={"clip": preprocess})
    with pytest.raises(UsageError, match="'clip' is a stack"):
        build_space(Inputs([InputSpec("clip", (2, 4, 4, 3))]), samples)
