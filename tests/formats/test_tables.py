"""Tables: which column feeds which input, and what is said of a wrong cell."""

import csv
import difflib
import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.streaming.spilled_texts import TextSpill
from inputgrad_cli.formats.tables.column_names import find_similar_name
from inputgrad_cli.formats.tables.csv_cell_formatting import join_cells, to_cells

from . import port, read

AGE, CITY = port((1,), "int32", "age"), port((), "string", "city")


def values(samples, name="x"):
    return samples.arrays[name].tolist()


def test_a_header_with_the_names_in_another_order_is_reordered():
    forward = read("a.csv", b"age,city\n3,Rome\n", AGE, CITY)
    two = read("a.csv", b"city,age\nRome,3\n", AGE, CITY)
    for result, header in ((forward, ("age", "city")), (two, ("city", "age"))):
        assert values(result, "age") == [[3]]
        assert values(result, "city") == ["Rome"]
        assert result.header == header


def test_columns_that_feed_nothing_are_told():
    samples = read("a.csv", b"id,city,age\n7,Rome,3\n", AGE, CITY)
    assert "id" in samples.notes["columns-unused"]
    assert samples.header == ("city", "age")


@pytest.mark.parametrize("data", [b"A,B\n3,Rome\n", b"3,Rome\n"])
def test_without_an_inputs_name_the_order_decides_and_is_told(data):
    samples = read("a.csv", data, AGE, CITY)
    assert values(samples, "city") == ["Rome"]
    assert ("columns-by-order" in samples.notes) == data.startswith(b"A")


@pytest.mark.parametrize(
    "data", [b"age\n3\n", b"age,age,city\n1,2,a\n", b"age,town\n3,Rome\n", b"1\n"]
)
def test_columns_that_do_not_fit_the_inputs_are_refused(data):
    with pytest.raises(ItemError, match="columns"):
        read("a.csv", data, AGE, CITY)


def test_two_vectors_cannot_share_a_table():
    with pytest.raises(ItemError, match="-i NAME=FILE"):
        read("a.csv", b"a,b\n1,2\n", port((2,), name="a"), port((2,), name="b"))


def test_a_vector_keeps_the_headers_names_and_order():
    samples = read("a.csv", b"q,p\n1,2\n3,4\n", port((2,)))
    assert samples.header == ("q", "p")
    assert values(samples) == [[1, 2], [3, 4]]
    assert samples.many


def test_one_value_is_picked_by_its_name():
    assert values(read("a.csv", b"id,x\n7,2\n", port((1,)))) == [[2]]
    assert values(read("a.csv", b"id,x\n7,word\n", port((), "string"))) == ["word"]


def test_a_table_of_words_is_read_whole_and_says_so():
    samples = read("a.csv", b"hello\nworld\n", port((), "string"))
    assert values(samples) == ["hello", "world"]
    assert "'x'" not in samples.notes["first-row-text"]
    assert "--columns hello" in samples.notes["first-row-text"]
    named = read("a.csv", b"x\nhello\n", port((), "string"))
    assert values(named) == ["hello"]
    assert not named.notes


SENTENCES = b"good movie\nbad film\nmuch too long\n"


@pytest.mark.parametrize("name", ["review", "Review Text", "clean_text", "tweetText", "Comments"])
@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_column_called_as_columns_of_texts_are_is_no_text(name, shape):
    for below in (SENTENCES, b"Great!\n"):
        samples = read("a.csv", name.encode() + b"\n" + below, port(shape, "string"))
        assert len(samples) == below.count(b"\n")
        assert samples.header == (name,)
        assert repr("x") in samples.notes["header-words"]


def test_any_single_word_above_sentences_is_their_name():
    samples = read("a.csv", b"satz_de\n" + SENTENCES, port((), "string"))
    assert values(samples) == SENTENCES.decode().splitlines()
    assert "header-words" in samples.notes


@pytest.mark.parametrize(
    "data", [b"nice comment\ngood movie\n", b"Great!\ngood movie\nbad film\n", SENTENCES]
)
def test_a_first_text_is_never_lost(data):
    samples = read("a.csv", data, port((), "string"))
    assert values(samples) == data.decode().splitlines()
    assert not samples.notes


def test_numbers_beside_texts_are_left_out_and_their_names_are_read():
    for data in (
        b"id,review\n1,good\n2,bad\n",
        b"review,label\ngood,1\nbad,0\n",
        b"good,1\nbad,0\n",
    ):
        samples = read("a.csv", data, port((), "string"))
        assert values(samples) == ["good", "bad"]
        assert "columns-unused" in samples.notes


def test_words_beside_texts_must_be_chosen_from():
    data = b"review,sentiment\ngood,positive\nbad,negative\n"
    with pytest.raises(ItemError, match=r"columns are review, sentiment; .* --columns NAME\.$"):
        read("a.csv", data, port((), "string"))


def test_names_above_two_columns_of_texts_are_no_texts():
    pair = port((), "string", "q1"), port((), "string", "q2")
    samples = read("a.csv", b"question1,question2\nhow so,why\n", *pair)
    assert values(samples, "q2") == ["why"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"a,b\r1,2\r3,4",
        b'"a","b"\n"1","2"\n" 3 ",4',
        b"\n\na,b\n\n1,2\n\n\n3,4\n\n",
        b"1,2\n3,4",
        b"+1,2e0\n3.0,.4e1\n",
    ],
)
def test_many_spellings_of_one_table(data):
    assert values(read("a.csv", data, port((2,)))) == [[1, 2], [3, 4]]


def test_tabs_separate_a_tsv():
    assert values(read("a.tsv", b"a\tb\n1\t2\n", port((2,)))) == [[1, 2]]


def test_quotes_hold_commas_and_line_ends():
    samples = read("a.csv", b'age,city\n3,"Ro,\nme"\nx,y\n', AGE, CITY)
    assert values(samples, "city")[0] == "Ro,\nme"
    assert "a.csv:4:1" in str(samples.failed[1])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("nan", "not a finite number"),
        ("inf", "not a finite number"),
        ("1e999", "not a finite number"),
        ("1e39", "too large"),
        ("x", "not a number"),
        ("", "not a number"),
        ("1_000", "not a number"),
        ("\0", "not a number"),
    ],
)
def test_a_wrong_cell_fails_its_row_with_line_and_column(cell, message):
    samples = read("a.csv", f"p,q\n1,2\n3,{cell}\n5,6\n".encode(), port((2,)))
    assert list(samples.failed) == [1]
    assert "a.csv:3:2" in str(samples.failed[1])
    assert "in column 2 (q)" in str(samples.failed[1])
    assert message in str(samples.failed[1])
    assert np.isnan(samples.arrays["x"][1]).all()
    assert values(samples)[2] == [5, 6]


def test_a_float64_input_takes_what_float32_cannot():
    assert values(read("a.csv", b"1e39\n", port((), "float64"))) == [1e39]


@pytest.mark.parametrize(
    ("cell", "good"),
    [
        ("3.0", True),
        ("1e2", True),
        ("2.5", False),
        ("300", False),
        ("-1", False),
        ("nan", False),
    ],
)
def test_whole_number_columns_take_whole_numbers(cell, good):
    samples = read("a.csv", f"7\n{cell}\n".encode(), port((), "uint8"))
    assert (not samples.failed) == good


def test_whole_numbers_are_never_rounded():
    assert values(read("a.csv", b"9007199254740993\n", port((), "int64"))) == [2**53 + 1]


def test_truths_are_words_or_digits():
    samples = read("a.csv", b"true\nFalse\n1\n0\nyes\n", port((), "bool"))
    assert values(samples)[:4] == [True, False, True, False]
    assert list(samples.failed) == [4]


def test_a_row_of_another_width_fails_alone():
    samples = read("a.csv", b"1,2\n3\n,,\n5,6\n", port((2,)))
    assert list(samples.failed) == [1, 2]
    assert "1 columns, not 2" in str(samples.failed[1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"\xff\xfe1\x00,\x002", "UTF-8"),
        (b"1,2\n\xe9,3", "UTF-8"),
        (b'1,"' + b"x" * 200_000, "quote"),
        (b"1,2,3\n", "3 columns do not fit"),
        (b"a,b\n1,x\ny,2\n", "none of its 2 samples"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(data, message):
    with pytest.raises(ItemError, match=message):
        read("a.csv", data, port((2,)))


@given(
    st.lists(
        st.lists(
            st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=3, max_size=3
        ),
        min_size=1,
    )
)
def test_what_is_written_is_what_is_read(rows):
    lines = ["p,q,r", *(",".join(to_cells(np.array(row, np.float32))) for row in rows)]
    assert values(read("a.csv", "\n".join(lines).encode(), port((3,)))) == rows


def test_cells_are_as_people_write_them():
    assert to_cells(np.array([0.1, 52341, -3, 1e30], np.float32)) == ["0.1", "52341", "-3", "1e+30"]
    assert to_cells(np.array([True, False])) == ["1", "0"]
    assert to_cells(np.array([2**60])) == [str(2**60)]
    assert to_cells(np.array(["a", 'b,"c"', ""])) == ["a", '"b,""c"""', ""]


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2))
def test_a_line_of_cells_is_read_back(cells):
    assert next(csv.reader(io.StringIO(join_cells(cells), newline=""))) == cells


def test_columns_that_feed_no_input_are_kept_as_they_are_written():
    data = b'id,a,note,b\nr07,1,"x, y",2\nr8,3,,4\nlost\n'
    samples = read("a.csv", data, port((2,)))
    assert samples.unused.names == ("id", "note")
    assert samples.unused.cells.tolist() == [["r07", "x, y"], ["r8", ""], ["lost", ""]]
    assert list(samples.failed) == [2]
    assert read("a.csv", b"a,b\n1,2\n", port((2,))).unused is None


def test_texts_of_a_large_table_come_back_by_row(tmp_path):
    spill = TextSpill(tmp_path)
    rows = [[f"é{n}", "", 'a "b"\n'][: n % 2 + 2] for n in range(20)]
    rows = [[*row, ""][:3] for row in rows]
    spill.append(rows[:7])
    spill.append(rows[7:])
    cells = spill.get_rows(3)
    assert cells[0:20].tolist() == rows
    assert cells[[3, 4, 19]].tolist() == [rows[3], rows[4], rows[19]]
    assert pickle.loads(pickle.dumps(cells))[5:9].tolist() == rows[5:9]


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0\r", codec="utf-8")).filter(str.strip),
        min_size=1,
    )
)
def test_any_text_survives_its_quotes(texts):
    data = "".join('"{}"\n'.format(text.replace('"', '""')) for text in ["x", *texts])
    assert values(read("a.csv", data.encode(), port((), "string"))) == texts


@given(
    st.text("abcde", min_size=1), st.lists(st.text("abcde", min_size=1), min_size=1, unique=True)
)
def test_a_similar_column_is_the_closest_match_of_difflib(name, names):
    """The law: of at least 0.75, and of several the closest."""
    similar = find_similar_name(name, names)
    closest = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    assert (similar is None) == (not closest)
    ratios = [difflib.SequenceMatcher(None, n, name).ratio() for n in (similar, *closest) if n]
    assert len(set(ratios)) <= 1
