"""Baselines, preprocessing, draws, completeness, reductions and scales: small closed forms."""

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import compute_completeness
from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.data.preprocessing import get_preset, parse_preprocess
from inputgrad_cli.data.samples import compute_keys, find_nonfinite
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.attribution_npz_writer import dump_json
from inputgrad_cli.methods._point_chunks import add_rows, interpolate, split_probes
from inputgrad_cli.numeric.random_streams import compute_range, draw_normal
from inputgrad_cli.rendering.colour_scale import find_limits, normalize, reduce_channels

PIXEL = np.array([[[200.0, 100.0, 50.0]]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raw", [200, 100, 50]),
        ("unit", [200 / 255, 100 / 255, 50 / 255]),
        ("tf", [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        ("caffe", [50 - 103.939, 100 - 116.779, 200 - 123.68]),
        (
            "torch",
            [(0.78431 - 0.485) / 0.229, (0.39216 - 0.456) / 0.224, (0.19608 - 0.406) / 0.225],
        ),
        ("mean=0.5,std=0.5;0.25;1", [2 * (200 / 255 - 0.5), 4 * (100 / 255 - 0.5), 50 / 255 - 0.5]),
    ],
)
def test_preprocessing_of_one_pixel(name, expected):
    np.testing.assert_allclose(parse_preprocess(name).apply(PIXEL)[0, 0], expected, atol=1e-4)


@pytest.mark.parametrize("text", ["imagenet", "mean=1", "mean=a,std=1", "mean=0,std=0"])
def test_unknown_preprocessing_is_refused(text):
    with pytest.raises(UsageError):
        parse_preprocess(text)


def test_three_means_do_not_fit_one_channel():
    with pytest.raises(UsageError, match="1 channels"):
        get_preset("torch", "option").apply(np.zeros((2, 2, 1)))


@pytest.mark.parametrize(("name", "pixel"), [("black", 0.0), ("white", 255.0), ("gray", 127.5)])
def test_flat_pictures_pass_through_the_preprocessing(name, pixel):
    baseline = baselines.build(name).make(
        np.ones((2, 3, 3, 3), np.float32), "x", [b"a", b"b"], get_preset("tf", "option")
    )
    np.testing.assert_allclose(baseline, np.full((2, 3, 3, 3), pixel / 127.5 - 1), atol=1e-6)


def test_a_black_table_is_refused():
    with pytest.raises(UsageError, match="zeros"):
        baselines.build("black").make(np.ones((1, 3), np.float32), "x", [b"a"], None)


def test_drawn_baselines_depend_on_key_alone_and_stay_in_range():
    x = np.linspace(-1, 3, 8, dtype=np.float32).reshape(2, 4)
    make = baselines.build("uniform").make
    both = make(x, "x", [b"k", b"l"], None)
    alone = make(x[1:], "x", [b"l"], None)
    np.testing.assert_array_equal(both[1:], alone)
    assert np.all((both >= x.min(axis=1, keepdims=True)) & (both <= x.max(axis=1, keepdims=True)))


def test_draws_are_standard_normal_and_each_number_differs():
    many = draw_normal(b"k", "s", 0, (20000,))
    assert abs(many.mean()) < 0.03
    assert abs(many.std() - 1) < 0.03
    assert not np.array_equal(many, draw_normal(b"k", "s", 1, (20000,)))


def test_keys_follow_seed_and_content():
    a = {"x": np.array([[1.0, 2.0], [1.0, 3.0]], np.float32)}
    first, second = compute_keys(a, 0)
    assert first != second
    assert compute_keys(a, 1)[0] != first
    assert compute_keys({"x": a["x"][1:]}, 0) == [second]


def test_spread_is_max_minus_min_of_each_sample():
    np.testing.assert_array_equal(compute_range(np.array([[1.0, 4.0], [2.0, 2.0]])), [3, 0])


def test_chunks_walk_every_probe_once_in_order():
    pairs = [
        (r, p) for rows, probes in split_probes(3, 5, 4) for r, p in zip(rows, probes, strict=True)
    ]
    assert pairs == [(r, p) for r in range(3) for p in range(5)]


def test_rows_are_added_where_they_belong():
    total = {"x": np.zeros((3, 2))}
    add_rows(total, np.array([0, 0, 2]), {"x": np.ones((3, 2))}, np.array([1.0, 2.0, 5.0]))
    np.testing.assert_array_equal(total["x"], [[3, 3], [0, 0], [5, 5]])


def test_the_line_starts_at_the_baseline():
    low, high = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32) * 4
    points = interpolate(low, high, np.array([1, 1, 1]), np.array([0.0, 0.25, 1.0]))
    np.testing.assert_array_equal(points[:, 0], [0, 1, 4])


def test_the_gap_of_the_contract():
    c = compute_completeness(
        np.array([9.0, 0.0]), np.array([11.0, 1.0]), np.array([1.0, 1.0]), 5, 0.05
    )
    np.testing.assert_allclose(c.gap, [0.1, 0.0])
    assert c.ok.tolist() == [False, True]


def test_a_difference_of_nothing_is_measured_against_the_score():
    c = compute_completeness(np.array([0.05]), np.array([10.0]), np.array([10.0]), 5, 0.01)
    np.testing.assert_allclose(c.gap, [0.5])  # 0.05 / (0.01 * 10)


V = np.array([[[1.0, -3.0], [0.0, 2.0]]])


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum", [[-2, 2]]),
        ("l2", [[10**0.5, 2]]),
        ("max-abs", [[3, 2]]),
        ("mean-abs", [[2, 1]]),
        ("positive", [[1, 2]]),
        ("negative", [[3, 0]]),
    ],
)
def test_channels_to_one_value(reduction, expected):
    np.testing.assert_allclose(reduce_channels(V, reduction), expected)


def test_the_scale_puts_zero_in_the_middle_and_keeps_nan():
    maps = np.array([[[-4.0, -2.0, 0.0, 1.0, np.nan]], [[0.0, 0.0, 0.0, np.inf, np.nan]]])
    places = normalize(maps, [Scale(2.0, signed=True), Scale(0.0, signed=True)])
    np.testing.assert_array_equal(places[0], [[0, 0, 0.5, 0.75, np.nan]])
    np.testing.assert_array_equal(places[1], [[0.5, 0.5, 0.5, 0.5, np.nan]])
    (magnitudes,) = normalize(maps[:1], [Scale(2.0, signed=False)])
    np.testing.assert_array_equal(magnitudes, [[0, 0, 0, 0.5, np.nan]])


def limit_of(values, clip):
    return find_limits(values.reshape(1, 1, -1), clip)[0]


def test_the_limit_is_a_percentile_and_never_zero_on_a_living_map():
    assert limit_of(np.arange(-100, 101.0), 50) == pytest.approx(50)
    sparse = np.zeros(1000)
    sparse[0] = -7
    assert limit_of(sparse, 99) == 7
    assert limit_of(np.zeros(4), 99) == 0
    assert limit_of(np.array([np.nan, 1.0, np.inf]), 99) == 1


def test_one_sample_or_many():
    port = InputSpec("x", (None, 3))
    assert fit_array(np.zeros((5, 3)), port, "f")[1] is False
    assert fit_array(np.zeros((2, 5, 3)), port, "f")[1] is True
    with pytest.raises(ItemError, match="does not fit"):
        fit_array(np.zeros((5, 4)), port, "f")
    with pytest.raises(ItemError, match="no sample"):
        fit_array(np.zeros((0, 5, 3)), port, "f")
    with pytest.raises(ItemError, match="complex"):
        fit_array(np.zeros((5, 3), complex), port, "f")


def test_samples_that_are_not_finite_are_named():
    bad = find_nonfinite({"x": np.array([[1.0, 2.0], [np.nan, np.inf], [3.0, 4.0]])}, "f")
    assert list(bad) == [1]
    assert "2 of 2" in bad[1].format_line()


def test_infinities_that_cancel_are_seen_and_large_numbers_are_no_infinities():
    rows = np.array([[np.inf, -np.inf], [3e38, 3e38], [-3e38, -3e38]], np.float32)
    assert list(find_nonfinite({"x": rows}, "f")) == [0]


def test_records_are_strict_json_of_plain_numbers():
    metadata = {
        "a": [np.float32(0.5), np.int64(3), np.bool_(True), (1, None)],
        1: {"b": float("inf"), "c": np.float32("nan")},
    }
    plain = {"a": metadata["a"], 1: 2.5}
    assert dump_json(plain) == '{"a": [0.5, 3, true, [1, null]], "1": 2.5}'
    assert dump_json(metadata) == '{"a": [0.5, 3, true, [1, null]], "1": {"b": null, "c": null}}'
    with pytest.raises(TypeError):
        dump_json({"a": object()})


@pytest.mark.parametrize("clip", [50, 99, 99.9, 100])
@pytest.mark.parametrize("size", [1, 2, 50, 1001])
def test_the_scale_is_the_percentile(clip, size):
    values = np.random.default_rng(size).standard_normal(size)
    assert limit_of(values, clip) == pytest.approx(np.percentile(np.abs(values), clip))
