"""What goes together: windows, features, tokens, spans of time, superpixels, regions."""

import sys

import numpy as np
import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.windows_and_superpixels import (
    find_regions,
    find_superpixels,
    segment_arrays,
)

PICTURE = {"x": (1, 2)}


def labels(shape, kind="auto", grid=None, site="x", spatial=None):
    """Return the labels of a site of zeros, spread over its shape."""
    segments = segment_arrays({site: np.zeros((1, *shape))}, spatial or {}, kind, grid)[0]
    return np.broadcast_to(segments.labels[site], shape)


def test_windows_of_a_picture_hold_all_channels():
    segments = labels((4, 5, 3), grid=2, spatial=PICTURE)
    plane = [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 2, 3, 3], [2, 2, 2, 3, 3]]
    assert segments[..., 0].tolist() == segments[..., 2].tolist() == plane


def test_a_picture_with_channels_first_is_cut_alike():
    last = labels((6, 9, 3), grid=3, spatial=PICTURE)
    first = labels((3, 6, 9), grid=3, spatial={"x": (2, 3)})
    np.testing.assert_array_equal(np.moveaxis(last, -1, 0), first)


@pytest.mark.parametrize(
    ("shape", "site", "count"),
    [
        ((64, 64, 3), "x", 64),
        ((3, 5, 1), "x", 15),
        ((), "x", 1),
        ((1,), "x", 1),
        ((7,), "x", 7),
        ((100, 3), "x", 48),
        ((5, 3), "x", 15),
        ((20, 8), "layer:embedding", 20),
        ((9, 9, 9, 2), "x", 64),
        ((7, 7, 512), "layer:conv", 49),
    ],
)
def test_every_kind_of_input_has_its_segments(shape, site, count):
    spatial = PICTURE if site == "x" and len(shape) == 3 else {}
    segments = labels(shape, site=site, spatial=spatial)
    assert np.unique(segments).tolist() == list(range(count))


def test_tokens_keep_their_embedding_together_and_channels_of_a_series_do_not():
    tokens = labels((3, 2), site="layer:embedding")
    assert tokens.tolist() == [[0, 0], [1, 1], [2, 2]]
    series = labels((4, 2), grid=2)
    assert series.tolist() == [[0, 1], [0, 1], [2, 3], [2, 3]]


def test_windows_put_features_and_tokens_together():
    assert labels((6,), "windows", 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert len(np.unique(labels((1000,), "windows"))) == 16
    assert labels((4, 2), "windows", 2, "layer:embedding").tolist() == [
        [0, 0],
        [0, 0],
        [1, 1],
        [1, 1],
    ]


def test_features_are_all_alone():
    assert labels((2, 2, 2), "features", spatial=PICTURE).ravel().tolist() == list(range(8))


def test_sites_are_numbered_one_after_the_other():
    arrays = {"a": np.zeros((2, 3)), "b": np.zeros((2, 4, 4, 3))}
    first, second = segment_arrays(arrays, {"b": (1, 2)}, "auto", 2)
    assert first is second
    assert len(first) == 3 + 4
    assert first.sizes.tolist() == [1, 1, 1, 12, 12, 12, 12]
    spread = first.spread(np.arange(7) * 10)
    assert spread["a"].tolist() == [0, 10, 20]
    assert np.unique(spread["b"]).tolist() == [30, 40, 50, 60]


def halves(channels=3):
    """Return a picture whose left half is dark and whose right half is light."""
    array = np.full((24, 32, channels), -3.0)
    array[:, 16:] = 5.0
    return array


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_superpixels_do_not_cross_an_edge(channels):
    segments = find_superpixels(halves(channels), 16)
    assert 4 <= len(np.unique(segments)) <= 32
    assert not set(segments[:, :16].ravel()) & set(segments[:, 16:].ravel())


def test_superpixels_are_each_samples_own_and_the_same_for_both_orders_of_axes():
    batch = np.stack([halves(), halves()[::-1, ::-1], np.zeros((24, 32, 3))])
    last = segment_arrays({"x": batch}, PICTURE, "superpixels", 4)
    first = segment_arrays({"x": np.moveaxis(batch, -1, 1)}, {"x": (2, 3)}, "superpixels", 4)
    for own, other in zip(last, first, strict=True):
        np.testing.assert_array_equal(own.labels["x"][..., 0], other.labels["x"][0])
        assert own.sizes.sum() == 24 * 32 * 3
    assert not np.array_equal(last[0].labels["x"], last[2].labels["x"])


def test_superpixels_beside_a_vector_leave_it_as_it_is():
    arrays = {"x": halves()[None], "v": np.zeros((1, 3))}
    segments = segment_arrays(arrays, PICTURE, "superpixels", 4)[0]
    assert len(np.unique(segments.labels["v"])) == 3
    with pytest.raises(UsageError, match="segments=auto"):
        segment_arrays({"v": arrays["v"]}, {}, "superpixels", 4)


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(UsageError, match=r"pip install 'inputgrad-cli\[superpixels\]'"):
        find_superpixels(halves(), 4)
    assert len(labels((64, 64, 3), spatial=PICTURE)) == 64  # windows need nothing


def test_regions_grow_with_the_scale_and_keep_to_edges():
    noisy = halves() + np.random.default_rng(0).normal(size=(24, 32, 3))
    segments = find_regions(noisy)
    numbers = [len(np.unique(cut)) for cut in segments]
    assert len(segments) == 6
    assert numbers == sorted(numbers, reverse=True)
    assert set(map(np.shape, segments)) == {(24, 32)}
    for cut in find_regions(halves()):  # the edge is a ramp, for they blur a little
        assert len(np.unique(cut[:, :12])) == len(np.unique(cut[:, 20:])) == 1
        assert cut[0, 0] != cut[0, -1]


def test_regions_of_a_large_picture_are_sought_in_a_smaller_one():
    large = np.zeros((500, 100, 1))
    large[:250] = 1.0
    segments = find_regions(large)
    assert set(map(np.shape, segments)) == {(224, 100)}
    assert all(cut[0, 0] == cut[90, 99] != cut[-1, 0] == cut[130, 99] for cut in segments)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 1), (2, 2, 3)])
def test_the_smallest_pictures_have_regions_and_superpixels(shape):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert find_regions(values)[0].shape == shape[:2]
    assert find_superpixels(values, 4).shape == shape[:2]
