"""The three largest columns of each row, in the order of their size."""

from dataclasses import replace

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.numeric import lazy_array
from inputgrad_cli.runs.strongest_features import yield_strongest
from tests.map_records import SAMPLE, build_record


def find(values, **changes):
    values = np.asarray(values, np.float32)
    record = build_record(samples=(SAMPLE,) * len(values), **changes)
    return list(yield_strongest(RecordedMap({"x": values}, record), tuple("abcde")))


def test_the_largest_come_first_and_zeros_are_left_out():
    rows = find([[1, -4, 0, 2, 3], [0, 0, 0, 0, 5], [1, 1, 1, 1, 1], [0, np.nan, 1, 2, 3]])
    assert rows[0] == [("b", -4), ("e", 3), ("d", 2)]
    assert rows[1] == [("e", 5)]
    assert rows[2][0] == ("a", 1)
    assert [name for name, _ in rows[3]] == ["b", "e", "d"]


def test_every_row_of_a_long_table_has_its_own(monkeypatch, rng):
    values = rng.normal(size=(50, 5))
    whole = find(values)
    monkeypatch.setattr(lazy_array, "BLOCK_BYTES", 120)
    assert find(values) == whole
    assert len(whole) == 50
    for row, parts in zip(values, whole, strict=True):
        expected = sorted(np.abs(row.astype(np.float32)), reverse=True)[:3]
        np.testing.assert_allclose([abs(value) for _, value in parts], expected)


def test_images_and_all_classes_have_none():
    assert find(np.ones((2, 8, 8, 3))) == [[], []]
    sample = replace(SAMPLE, scores=[1.0])
    record = build_record(samples=(sample, sample))
    recorded = RecordedMap({"x": np.ones((2, 1, 5))}, record)
    assert list(yield_strongest(recorded, ())) == [[], []]
