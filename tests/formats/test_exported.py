"""Tables as people export them: delimiters, decimal commas, marks, ids, labels, series."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.interfaces.reader import ReadOptions

from . import Path, port, read

FLOATS = st.floats(-1e6, 1e6, width=32)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=5)
)


def values(samples, name="x"):
    return samples.arrays[name].tolist()


def chosen(name, data, columns, *ports):
    options = ReadOptions(ports, PRESETS["raw"], columns=tuple(columns))
    return read_samples({None: data}, {None: Path(name)}, options)


def written(rows, delimiter, decimal, header=True, end="\n", spaced=False, quoted=False):
    """Return the text of a table written in one of the usual ways."""
    quote = '"' if quoted else ""
    names = [f"{quote}c{column}{quote}" for column in range(len(rows[0]))]
    cells = [[repr(v).replace(".", decimal) for v in row] for row in rows]
    lines = ([names] if header else []) + cells
    return end.join((delimiter + " " * spaced).join(line) for line in lines) + end


@given(
    TABLES,
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", "."), ("\t", ","), ("|", ".")]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
)
def test_one_table_is_the_same_however_it_is_written(
    rows, marks, encoding, header, end, spaced, quoted
):
    text = written(rows, *marks, header, end, spaced, quoted)
    for suffix in (".csv", ".tsv"):
        samples = read("a" + suffix, text.encode(encoding), port((len(rows[0]),)))
        assert not samples.failed
        np.testing.assert_array_equal(samples.arrays["x"], np.float32(rows))
        assert samples.header == (tuple(f"c{n}" for n in range(len(rows[0]))) if header else ())


@given(TABLES, st.sampled_from(["", "id", "date", "name"]), st.booleans())
def test_a_column_of_words_beside_the_models_is_left_out_and_told(rows, name, first):
    width, lines = len(rows[0]), []
    for index, row in enumerate(rows):
        cells = [repr(v) for v in row]
        lines.append([f"p-{index}", *cells] if first else [*cells, f"p-{index}"])
    names = [f"c{column}" for column in range(width)]
    header = [name, *names] if first else [*names, name]
    for head in ([header], []) if len(rows) > 1 else ([header],):  # with a header, and without
        data = "\n".join(",".join(line) for line in head + lines).encode()
        samples = read("a.csv", data, port((width,)))
        np.testing.assert_array_equal(samples.arrays["x"], np.float32(rows))
        assert "columns-unused" in samples.notes


def test_a_column_of_numbers_too_many_is_refused_with_all_that_is_needed():
    data = b"id,a,b,label\n7,1,2,0\n8,3,4,1\n"
    with pytest.raises(ItemError) as error:
        read("a.csv", data, port((2,)))
    sentence = str(error.value)
    for part in ("4 columns", "(2,)", "id, a, b, label", "--columns"):
        assert part in sentence
    samples = chosen("a.csv", data, ("b", "a"), port((2,)))
    assert values(samples) == [[2, 1], [4, 3]]
    assert samples.header == ("b", "a")
    assert samples.record["columns"] == ["b", "a"]
    assert not samples.notes


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index"])
def test_the_index_that_pandas_writes_is_called_so(name):
    with pytest.raises(ItemError, match=r"pandas.*--columns a,b, or by to_csv") as error:
        read("a.csv", f"{name},a,b\n0,1,2\n1,3,4\n".encode(), port((2,)))
    assert (repr(name) in str(error.value)) == bool(name)
    with pytest.raises(ItemError) as error:
        read("a.csv", f"{name},a,b,c\n0,1,2,3\n1,3,4,5\n".encode(), port((2,)))
    assert "pandas" not in str(error.value)


def test_a_message_names_few_of_many_columns():
    names = ",".join(f"pixel{n}" for n in range(785))
    with pytest.raises(ItemError, match=r"pixel0, .* and 773 more") as error:
        read("a.csv", f"{names}\n{','.join('1' * 785)}\n".encode(), port((784,)))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("a", "B "), r"no column is called 'B '.*did you mean 'b'"),
        (("a", "b", "c"), r"--columns names 3 columns.*takes 2"),
        (("a",), r"1 rows of 1 columns do not fit.*a row of 2 values.*a, b, c, d"),
        (("a", "q"), r"no column is called 'q'"),
    ],
)
def test_columns_that_cannot_be_taken_are_told(columns, message):
    with pytest.raises(ItemError, match=message):
        chosen("a.csv", b"a,b,c,d\n1,2,3,4\n", columns, port((2,)))


def test_without_a_header_columns_go_by_number():
    assert values(chosen("a.csv", b"9,1,2\n8,3,4\n", ("3", "2"), port((2,)))) == [[2, 1], [4, 3]]


def test_columns_of_several_files_are_chosen_alike():
    for name, data in (("a.csv", b"id;b;a\n7;1,5;2\n"), ("a.tsv", b"b\ta\tz\n1.5\t2\t0\n")):
        assert values(chosen(name, data, ("a", "b"), port((2,)))) == [[2, 1.5]]


def test_the_missing_column_is_named_and_the_one_that_is_meant():
    ports = [port((1,), name=n) for n in ("monthly_charges", "tenure", "total")]
    data = b"customerID,MonthlyCharges,tenure,total\n7-X,1,2,3\n"
    with pytest.raises(ItemError) as error:
        read("a.csv", data, *ports)
    sentence = str(error.value)
    assert "no column for input monthly_charges;" in sentence
    assert "did you mean 'MonthlyCharges' for 'monthly_charges'" in sentence
    assert '"MonthlyCharges" = "monthly_charges"' in sentence
    assert sentence.count("tenure") == 0


def test_columns_called_nearly_as_the_inputs_are_not_taken_in_another_order():
    ports = [port((1,), name=n) for n in ("monthly_charges", "tenure_months")]
    with pytest.raises(ItemError, match="did you mean"):
        read("a.csv", b"TenureMonths,MonthlyCharges\n1,2\n", *ports)
    samples = read("a.csv", b"MonthlyCharges,TenureMonths\n1,2\n", *ports)
    assert values(samples, "tenure_months") == [[2]]
    assert "columns-by-order" in samples.notes


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ((3,), b"value\n1\n2\n3\n"),
        ((3,), b"1\n2\n3\n"),
        ((3,), b"date,value\n2026-01-01,1\n2026-01-02,2\n2026-01-03,3\n"),
        ((3,), b"date;value\n1.1.2026;1,0\n2.1.2026;2,0\n3.1.2026;3,0\n"),
        ((3,), b"value\n1,0\n2,0\n3,0\n"),
        ((3, 1), b"value\r\n1\r\n2\r\n3"),
        ((3, 2), b"p,q\n1,4\n2,5\n3,6\n"),
        ((None, 2), b"p,q\n1,4\n2,5\n3,6\n"),
        ((3, 2), b"time,p,q\n12:00,1,4\n12:01,2,5\n12:02,3,6\n"),
    ],
)
def test_a_table_of_a_row_a_step_is_one_series(shape, data):
    samples = read("a.csv", data, port(shape))
    assert not samples.many
    wanted = np.array([[1, 4], [2, 5], [3, 6]]) if shape[1:] == (2,) else np.array([1, 2, 3])
    np.testing.assert_array_equal(samples.arrays["x"][0], wanted.reshape(len(wanted), *shape[1:]))


def test_a_column_of_a_table_is_one_series_by_its_name():
    data = b"t,value\n" + b"".join(b"%d,%d.5\n" % (n, n) for n in range(360))
    samples = chosen("a.csv", data, ("value",), port((360,)))
    np.testing.assert_array_equal(samples.arrays["x"][0], np.arange(360) + 0.5)
    assert samples.header == ("value",)
    with pytest.raises(ItemError, match=r"2 columns do not fit.*t, value.*--columns"):
        read("a.csv", data, port((360,)))


def test_a_table_as_wide_as_a_row_is_rows():
    square = b"1,2\n3,4\n"
    assert read("a.csv", square, port((2,))).many
    assert read("a.csv", b"1,2,3,4\n5,6,7,8\n", port((2, 2))).many
    assert not read("a.csv", square, port((2, 2))).many
    assert read("a.csv", b"1\n2\n", port((None,))).many  # a row of any width is a sample


def test_a_series_of_another_length_and_one_bad_step_are_refused():
    with pytest.raises(ItemError, match=r"2 rows of 1 columns do not fit.*3 rows"):
        read("a.csv", b"v\n1\n2\n", port((3,)))
    with pytest.raises(ItemError, match=r"a\.csv:3:1"):
        read("a.csv", b"v\n1\nx\n3\n", port((3,)))


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"0,1,2\n0.5,1.5,2.5\n", [[0.5, 1.5, 2.5]]),  # an array's table, headed by numbers
        (b",0,1,2\na,0.5,1.5,2.5\n", [[0.5, 1.5, 2.5]]),
        (b"0,1,2\n3,4,5\n", [[0, 1, 2], [3, 4, 5]]),
        (b"1,2,3\n1.5,2.5,3.5\n", [[1, 2, 3], [1.5, 2.5, 3.5]]),
        (b"x1,2,3\ny1,4,5\n", None),
    ],
)
def test_a_first_row_is_names_only_where_it_can_be(data, rows):
    if rows is None:
        assert values(read("a.csv", data, port((2,)))) == [[2, 3], [4, 5]]
    else:
        assert values(read("a.csv", data, port((3,)))) == rows


def test_a_row_with_a_value_missing_is_no_header():
    samples = read("a.csv", b"1,,3\n4,5,6\n", port((3,)))
    assert list(samples.failed) == [0]
    assert values(samples)[1] == [4, 5, 6]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1,5", 1.5), ("1.234,5", 1234.5), ("-0,25", -0.25), ("7", 7), ("1.234", None), ("1.5", None)],
)
def test_a_table_of_decimal_commas_takes_no_points(cell, value):
    samples = read("a.csv", f"a;b\n0,5;1,5\n{cell};2,5\n".encode(), port((2,)))
    if value is None:
        assert "with a decimal comma" in str(samples.failed[1])
    else:
        assert values(samples)[1] == [value, 2.5]
        assert samples.record["table"] == {"delimiter": ";", "decimal": ","}


def test_thousands_are_never_taken_for_fractions():
    samples = read("a.tsv", b"a\tb\n1,234\t1.5\n2\t3\n", port((2,)))
    assert list(samples.failed) == [0]
    samples = read("a.csv", b'a,b\n"1,234",1\n2,3\n', port((2,)))
    assert list(samples.failed) == [0]


def test_a_number_is_not_cut_at_its_comma():
    samples = read("a.csv", b"p;1,5\nq;2,5\n", port((1,)))
    assert values(samples) == [[1.5], [2.5]]
    samples = read("a.csv", b"0,0;0,0\n0,0;1,0\n", port((None,)))
    assert values(samples) == [[0, 0], [0, 1]]


def test_texts_keep_their_semicolons():
    assert values(read("a.csv", b"a; b\nc; d\n", port((), "string"))) == ["a; b", "c; d"]
    samples = read(
        "a.csv", b"age,city\n3,a;b\n", port((1,), name="age"), port((), "string", "city")
    )
    assert values(samples, "city") == ["a;b"]


def parquet(**columns):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def test_parquet_follows_the_rules_of_tables():
    data = parquet(id=["p", "q"], a=[1.0, 3.0], b=[2, 4])
    assert values(read("a.parquet", data, port((2,)))) == [[1, 2], [3, 4]]
    assert values(chosen("a.parquet", data, ("b", "a"), port((2,)))) == [[2, 1], [4, 3]]
    with pytest.raises(ItemError, match=r"3 columns.*a, b, c.*--columns"):
        read("a.parquet", parquet(a=[1], b=[2], c=[3]), port((2,)))
    samples = read("a.parquet", parquet(t=["x", "y", "z"], v=[1, 2, 3]), port((3,)))
    assert (values(samples), samples.many) == ([[1, 2, 3]], False)
