"""The columns of a map of a table: their names, their order, and what a code comes to."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.map_record import MapRecord, RecordedMap, SiteFacts
from inputgrad_cli.data.tabular_attribution_columns import find_row_columns, name_columns
from tests.map_records import SAMPLE, build_record


def find(values, **changes):
    """Return the columns of a map, their values (N, F) and the values of their inputs."""
    arrays = {site: np.asarray(array, np.float32) for site, array in values.items()}
    columns = find_row_columns(RecordedMap(arrays, build_record(**changes)))
    return columns, columns and columns.join_values(arrays)


def test_a_vector_has_the_names_of_its_table():
    columns, values = find({"x": [[1, 2], [3, 4]]}, header=("age", "income"))
    assert columns.names == ("age", "income")
    np.testing.assert_array_equal(values, [[1, 2], [3, 4]])
    cells = columns.list_cells({"x": np.array([[5.5, 6], [7, 8]], np.float32)}, 1)
    assert list(cells) == [7, 8]


def test_a_vector_without_a_table_is_counted():
    columns, _ = find({"x": [[1, 2], [3, 4]]})
    assert columns.names == ("x[0]", "x[1]")
    assert find({"x": [[1], [3]]})[0].names == ("x",)


def test_inputs_of_one_value_stand_in_the_order_of_the_table():
    values = {"income": [[1], [2]], "age": [3, 4]}
    columns, joined = find(values, header=("age", "income"))
    assert columns.names == ("age", "income")
    np.testing.assert_array_equal(joined, [[3, 1], [4, 2]])
    cells = columns.list_cells({"income": np.array([[9], [8]]), "age": np.array([30, 40])}, 0)
    assert list(cells) == [30, 9]


def test_a_layer_comes_last_and_has_no_values_of_its_own():
    columns, _ = find({"layer:code": np.ones((2, 3)), "age": [[1], [2]]}, header=("job", "age"))
    assert columns.names == ("age", "layer:code[0]", "layer:code[1]", "layer:code[2]")
    cells = columns.list_cells({"age": np.array([[5], [6]]), "job": np.array([["a"], ["b"]])}, 0)
    assert list(cells) == [5, None, None, None]
    assert columns.list_cells({}, 0) is None


def test_a_layer_as_wide_as_the_table_keeps_its_own_names():
    columns, _ = find({"layer:h": np.ones((2, 2))}, header=("a", "b"))
    assert columns.names == ("layer:h[0]", "layer:h[1]")


@pytest.mark.parametrize(
    ("reduce", "copied", "expected", "unsigned"),
    [("sum", [], -1, False), ("max-abs", [], 5, True), ("max-abs", ["job"], 3, False)],
)
def test_the_values_of_a_code_come_to_one(reduce, copied, expected, unsigned):
    values = {"job": [[3, -4], [3, -4]], "age": [[1], [2]]}
    facts = SiteFacts({"copied": copied})
    columns, joined = find(values, header=("job", "age"), reduce=reduce, sites=facts)
    assert columns.names == ("job", "age")
    assert joined[:, 0].tolist() == [expected, expected]
    assert columns.unsigned == (unsigned, False)
    cells = columns.list_cells({"job": np.array([["a"], ["b"]])}, 1)
    assert list(cells) == ["b", None]


def test_columns_that_are_looked_up_one_by_one_have_a_value_each():
    tokens = replace(SAMPLE, tokens={"ids": [1, 2, 3]})
    columns, joined = find(
        {"ids": np.ones((2, 3, 4))}, header=("a", "b", "c"), samples=(tokens, tokens)
    )
    assert columns.names == ("a", "b", "c")
    np.testing.assert_array_equal(joined, np.full((2, 3), 4))


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        ((2, 8, 8, 3), {}),
        ((2, 16, 4), {}),
        ((2, 300), {}),
        ((2, 7, 4), {"header": ("x",), "samples": (replace(SAMPLE, tokens={"x": [1] * 7}),) * 2}),
        ((1, 5, 2), {"header": ("a", "b"), "many": False, "samples": (SAMPLE,)}),
        ((2, 3, 4), {"samples": (replace(SAMPLE, scores=[1.0, 2.0, 3.0]),) * 2}),
    ],
)
def test_images_series_texts_and_all_classes_are_no_rows(shape, changes):
    assert find({"x": np.ones(shape)}, **changes)[0] is None


def test_a_wide_table_is_a_row():
    header = tuple(f"c{n}" for n in range(300))
    assert find({"x": np.ones((2, 300))}, header=header)[0].names == header


def test_the_header_is_stored_with_the_map():
    record = build_record(header=("a", "b"))
    assert MapRecord.from_json(record.to_json()).header == ("a", "b")
    assert "header" not in build_record().to_json()


def test_a_column_of_texts_is_one_column_of_its_table():
    tokens = replace(SAMPLE, tokens={"text_input": ["good", "film", ""]})
    record = build_record(samples=(tokens, tokens), header=("review",))
    columns = name_columns(record, {"text_input": (3, 4)}, ("review",))
    assert columns.names == ("review",)
    values = columns.join_values({"text_input": np.ones((2, 3, 4), np.float32)})
    np.testing.assert_array_equal(values, [[12], [12]])
    texts = columns.list_cells({"text_input": np.array([["good film"], ["bad"]], object)}, 0)
    assert list(texts) == ["good film"]


def test_a_table_beside_other_inputs_names_its_own_columns():
    values = {"v": [[1, 2], [3, 4]], "a": [[5, 6], [7, 8]]}
    columns, joined = find(values, inputs={"headers": {"a": ["age", "income"]}})
    assert columns.names == ("v[0]", "v[1]", "age", "income")
    np.testing.assert_array_equal(joined, [[1, 2, 5, 6], [3, 4, 7, 8]])
    wide = {"headers": {"a": [f"c{n}" for n in range(300)]}}
    assert find({"a": np.ones((2, 300))}, inputs=wide)[0].names[-1] == "c299"
    assert find({"v": np.ones((2, 300))}, inputs=wide)[0] is None
