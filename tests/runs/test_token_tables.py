"""The table of tokens has a line for each token, whose value is what the picture shows."""

import csv
import io
import math

import numpy as np
import pytest

from inputgrad_cli.data.map_record import MapRecord, RecordedMap, SiteFacts
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.runs.strongest_features import find_strongest
from inputgrad_cli.runs.tables.token_tables import build_token_tables
from inputgrad_cli.storage.map_file_names import MapFiles

CHECKS = {"finite": True, "zero": False}


def record(samples, *, many=True, copied=(), **fields):
    return MapRecord(
        **{
            "method": {"name": "ig", "label": "ig"},
            "samples": tuple(samples),
            "many": many,
            "sites": SiteFacts({"copied": list(copied)} if copied else {}),
            "reduce": "sum",
            "quantity": "logit",
            "sign": "signed",
            "per_input": False,
            "baseline": None,
            "preprocess": {},
            "inputs": {},
            "wrt": None,
            "precision": "float32",
            "seed": 0,
            "model_sha256": "",
            "versions": {},
            **fields,
        }
    )


def text(values, *tokens, site="review", **fields):
    """Return a map of samples with these tokens, None for one that failed."""
    samples = [
        None if words is None else SampleRecord("auto", "logit", CHECKS, tokens={site: list(words)})
        for words in tokens
    ]
    return RecordedMap({site: np.asarray(values, np.float32)}, record(samples, **fields))


def read_tables(maps):
    tables = build_token_tables(MapFiles("a.txt.ig"), maps)
    return {
        name: list(csv.reader(io.StringIO(data.decode(), newline="")))
        for name, data in tables.items()
    }


def read_table(maps):
    (rows,) = read_tables(maps).values()
    return rows


def test_a_line_holds_sample_position_token_and_the_sum_over_its_embedding():
    values = [[[1, 2], [-3, 0.5]], [[0.25, 0], [0, 0]]]
    tables = read_tables({0: text(values, ["good", "film"], ["a", ""])})
    assert tables == {
        "a.txt.ig.tokens.csv": [
            ["sample", "position", "token", "attribution"],
            ["0", "0", "good", "3.0"],
            ["0", "1", "film", "-2.5"],
            ["1", "0", "a", "0.25"],
            ["1", "1", "", "0.0"],
        ]
    }


def test_gradients_have_the_norm_over_the_embedding():
    rows = read_table({0: text([[[3, -4]]], [7], reduce="max-abs")})
    assert rows[1] == ["0", "0", "7", "5.0"]


def test_a_value_that_stands_for_the_whole_embedding_is_counted_once():
    rows = read_table({0: text([[[2, 2, 2]]], ["a"], copied=["review"])})
    assert rows[1][-1] == "2.0"


def test_samples_of_unequal_lengths_share_one_table():
    maps = {
        0: text([[[1], [2]]], ["a", "b"], many=False),
        2: text([[[3]]], ["c"], many=False),
    }
    assert [row[:3] for row in read_table(maps)[1:]] == [
        ["0", "0", "a"],
        ["0", "1", "b"],
        ["2", "0", "c"],
    ]


def test_a_sample_that_failed_has_no_lines():
    rows = read_table({0: text([[[1]], [[math.nan]], [[2]]], ["a"], None, ["b"])})
    assert [row[0] for row in rows[1:]] == ["0", "2"]


@pytest.mark.parametrize("token", ['a,"b"\n', "=1+1", "\udc80", "\u202eabc", "😀"])
def test_tokens_are_kept_as_they_are(token):
    rows = read_table({0: text([[[1]]], [token])})
    assert rows[1][2] == token.encode("utf-8", "backslashreplace").decode()


def test_several_texts_have_a_table_each_and_other_inputs_none():
    two = text([[[1]]], ["a"], site="title")
    sample = SampleRecord("auto", "logit", CHECKS, tokens={"title": ["a"], "body": ["b"]})
    values = {
        "title": two.values["title"],
        "body": two.values["title"],
        "age": np.ones((1, 3), np.float32),
    }
    both = RecordedMap(values, record([sample]))
    assert list(read_tables({0: both})) == ["a.txt.ig.title.tokens.csv", "a.txt.ig.body.tokens.csv"]
    numbers = RecordedMap({"age": values["age"]}, record([SampleRecord("auto", "logit", CHECKS)]))
    assert read_tables({0: numbers}) == {}


def test_maps_of_all_classes_have_none():
    sample = SampleRecord("all", "logit", CHECKS, scores=[1.0, 2.0], tokens={"review": ["a", "b"]})
    every = RecordedMap({"review": np.ones((1, 2, 2, 3), np.float32)}, record([sample]))
    assert read_tables({0: every}) == {}
    assert find_strongest(every, 0) == []


def test_the_strongest_are_three_by_magnitude_without_padding_and_zeros():
    words = ["the", "##ending", "was", "dull", "film", "", ""]
    values = [[[0], [-3], [0.5], [2], [1], [9], [9]]]
    assert find_strongest(text(values, words), 0) == [("ending", -3), ("dull", 2), ("film", 1)]
    assert find_strongest(text([[[0.0], [1.0]]], [5, 6]), 0) == [("#6", 1)]
    ((name, value), _) = find_strongest(text([[[2.0], [math.nan]]], ["a", "b"]), 0)
    assert (name, math.isnan(value)) == ("b", True)
