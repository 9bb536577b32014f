"""What a page says of a map is what the run has stored: each figure beside its own name."""

import csv
import io
import re

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.rendering.thumbnails import Thumbnail
from inputgrad_cli.report.cell_charts import Row, build_bars
from inputgrad_cli.report.cell_content_choice import parse_scale
from inputgrad_cli.report.column_legends import _describe_limits
from inputgrad_cli.report.map_table_reading import TableTexts, _select_columns
from inputgrad_cli.report.path_and_number_formatting import format_number
from inputgrad_cli.report.run_facts import _quote_word
from tests.cli import draw
from tests.report.pages import Page


def test_a_value_stands_before_its_attribution_whatever_it_is_called():
    header = ["prediction", "score", "baseline_score", "age", "age:attribution", "score"]
    texts = _select_columns(
        [*header, "score:attribution"], [["p", "2.5", "0", "33", "1", "7", "2"]]
    )
    assert texts.names == ["age", "score"]
    assert texts.rows == [["33", "7"]]
    assert _select_columns(["a:attribution"], [["1"]]).rows == ()


def test_cells_are_found_by_the_names_of_their_columns():
    texts = TableTexts(["age", "note", "income"], [["33", "x", "50"]])
    assert texts.get_cells(0, ["income", "age"]) == ["50", "33"]
    assert texts.get_cells(1, ["age"]) == ()
    assert texts.get_cells(0, ["age", "height"]) == ()
    assert TableTexts(["a", "a"], [["1", "2"]]).get_cells(0, ["a"]) == ()


def test_a_number_without_a_sign_is_not_cut():
    row = Row([f"c{i}" for i in range(9)], np.array([5.0, 4, 0, 0, 0, 0, 0, 0, 0]))
    assert build_bars(row, 2, is_sum=False).others == "7 others, each at most 0"
    row = Row(row.names, np.array([np.nan] * 9))
    assert build_bars(row, 2, is_sum=False).others.endswith("each at most not a number")
    assert _describe_limits([0.0, 0.32]).endswith("ends at 0 to 0.32")


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("/home/jane/out", "…/out"),
        ("-o/home/jane/out", "-o…/out"),
        ("/data", "…/data"),
        ("file:///home/jane/x", "…/x"),
        ("x=/home/jane doe/y z.png", "x=…/'y z.png'"),
        ("~/in", "…/in"),
        ("in/a.png", "in/a.png"),
        ("gradient", "gradient"),
        ("-t", "-t"),
    ],
)
def test_no_word_of_the_command_tells_a_folder(word, quoted):
    assert _quote_word(word) == quoted


@pytest.mark.parametrize("limit", [10**400, float("inf"), float("nan"), None, "1"])
def test_a_scale_that_is_none_is_left_out(limit):
    text = {"scale": {"low": 0, "high": limit}, "cmap": "inferno", "bar": "x"}
    assert parse_scale(Thumbnail(b"", text)) is None


def test_what_a_picture_says_of_itself_can_be_written():
    text = {"scale": {"low": 0, "high": 1}, "cmap": "inferno", "bar": "\ud800"}
    parse_scale(Thumbnail(b"", text)).quantity.encode()


def test_columns_of_several_inputs_keep_their_values(call, tmp_path):
    """The model has its inputs in another order than the table its columns."""
    income, age = (keras.Input((1,), name=name) for name in ("income", "age"))
    total = keras.layers.Add()([keras.layers.Rescaling(2.0)(income), income, age])
    keras.Model([income, age], keras.layers.Dense(1, kernel_initializer="ones")(total)).save(
        tmp_path / "m.keras"
    )
    (tmp_path / "t.csv").write_text("age,income\n33,50\n20,70\n")
    assert call("saliency", "m.keras", "t.csv", "-m", "input-x-gradient", "-o", "out").code == 0
    assert call("report", "out").code == 0
    page = (tmp_path / "out/report.html").read_text()
    text = re.sub(r"<[^>]+>|\s+", " ", page)
    assert re.search(r"income\s*=?\s*50\b[^0-9+]*\+150", text)
    assert re.search(r"age\s*=?\s*33\b[^0-9+]*\+33", text)


def test_a_word_is_one_bar_of_the_row_as_in_its_picture(call, tmp_path):
    """At its one-hot code a word has a value for each word; the table has one for the column."""
    keras.utils.set_random_seed(2)
    job = keras.Input((1,), dtype="string", name="job")
    age = keras.Input((1,), name="age")
    lookup = keras.layers.StringLookup(vocabulary=["clerk", "nurse"])(job)
    code = keras.layers.CategoryEncoding(3, "one_hot")(lookup)
    hidden = keras.layers.Dense(4, "tanh")(keras.layers.Concatenate()([code, age]))
    keras.Model([job, age], keras.layers.Dense(1)(hidden)).save(tmp_path / "m.keras")
    (tmp_path / "t.csv").write_text("id,age,job\nr0,33,nurse\nr1,20,clerk\n")
    assert call("saliency", "m.keras", "t.csv", "-m", "integrated-gradients", "-o", "out").code == 0
    assert call("report", "out", "--json").code == 0
    page = Page((tmp_path / "out/report.html").read_bytes())
    assert page.index["columns"] == ["integrated-gradients"]
    with (tmp_path / "out/t.csv.integrated-gradients.csv").open() as file:
        rows = list(csv.DictReader(file))
    for cell, row in enumerate(rows):
        bars = page.read_cell(cell)
        names = bars["names"]
        assert sorted(names) == ["age", "job"]
        assert dict(zip(names, bars["inputs"], strict=True)) == {n: row[n] for n in names}
        shown = dict(zip(names, bars["numbers"], strict=True))
        assert shown == {n: format_number(float(row[f"{n}:attribution"])) for n in names}


def test_a_map_of_all_classes_is_the_strip_that_the_run_has_drawn(call, samples, tmp_path):
    draw(tmp_path / "a.png")
    words = ("saliency", samples / "shapes.keras", "a.png", "-o", "out", "-t", "all")
    assert call(*words).code == 0
    picture = tmp_path / "out/a.png.gradient.all.png"
    with Image.open(picture) as image:
        width, height = image.size

    def read_page():
        assert call("report", "out").code == 0
        page = Page((tmp_path / "out/report.html").read_bytes())
        columns, rows = Image.open(io.BytesIO(page.read_cell(0))).size
        # Drawn again from the arrays alone, the strip has no input on its left.
        shown = width if picture.exists() else width * 5 / 6
        assert columns / rows == pytest.approx(shown / height, rel=0.05)
        assert any("Colour bar" in text for text in page.list_attributes("img", "alt"))
        return page

    page = read_page()
    assert page.index["file"] == [picture.name]
    assert page.index["notes"] == {}
    picture.unlink()
    assert "drawn from the arrays" in read_page().index["notes"]["0"][0]
