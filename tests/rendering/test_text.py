"""Texts: tokens are written as people read them, stand in lines, and keep their colours."""

import io
import json
import math
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.pictures.sample_view import SampleView
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.colour_maps import NAN_COLOUR, load_colour_table
from inputgrad_cli.rendering.coloured_text_picture import TextMap
from inputgrad_cli.rendering.label_formatting import MINUS
from inputgrad_cli.rendering.text.coloured_words_image import (
    GROUND_HEIGHT,
    LINE_HEIGHT,
    MARGIN,
    TITLE_HEIGHT,
    WIDTH,
)
from inputgrad_cli.rendering.text.line_layout import (
    MAX_LINES,
    PADDING,
    SPACE,
    break_lines,
    select_lines,
)
from inputgrad_cli.rendering.text.token_colours import paint_values
from inputgrad_cli.rendering.text.token_display import MAX_CHARACTERS, build_passage

HOSTILE = [
    "<script>alert(1)</script>",
    '"onmouseover="x',
    "$x_1$",
    "a\tb",
    "a\x00\x1b[31m",
    "\u202egnp.exe",
    "\udc80",
    "🐶",
    "كلب",
    "&amp;",
    "]]>",
    "</div>",
]


def source(tokens, values, **fields):
    """Return a map of a text whose token values are `values`, or rows of embeddings."""
    values = np.asarray(values, np.float32)
    rows = values if values.ndim == 2 else values[:, np.newaxis]
    caption = Caption(
        "ig", "auto", "logit", **{"score": 2.5, "label": "praise", "quantity": "logit", **fields}
    )
    return MapSource(rows, None, caption, subject="text", view=SampleView(tokens=tokens))


def draw(tokens, values, style=None, **fields):
    (drawing,) = TextMap().draw([source(tokens, values, **fields)], style or Style())
    return drawing


def read_png(drawing):
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return np.asarray(picture), json.loads(picture.text["inputgrad"])


def read_page(drawing):
    return drawing.extras[".html"].decode()


def texts(tokens):
    return [t.text for t in build_passage(tokens, np.ones(len(tokens))).tokens]


def spaces(tokens):
    return [t.is_spaced for t in build_passage(tokens, np.ones(len(tokens))).tokens]


def test_a_text_is_drawn_by_its_kind_whatever_the_style_says():
    layout = MapLayout((5, 8), subject="text")
    for kind in ("overlay", "heatmap", "panel"):
        assert choose_picture(Style(kind=kind), layout) == TextMap()
    assert not TextMap().supports(MapLayout((5, 8), subject="signal"))
    assert not TextMap().supports(MapLayout((5, 8), is_search=True, subject="text"))


def test_wordpieces_join_the_word_before():
    tokens = ["un", "##believ", "##able", "film", "##"]
    assert texts(tokens) == ["un", "believ", "able", "film", "##"]
    assert spaces(tokens)[:4] == [True, False, False, True]


@pytest.mark.parametrize("mark", ["\u2581", "\u0120"])
def test_a_mark_for_a_space_is_one_and_other_tokens_join(mark):
    tokens = ["The", f"{mark}cat", "s", f"{mark}sat"]
    assert texts(tokens) == ["The", "cat", "s", "sat"]
    assert spaces(tokens) == [False, True, False, True]


def test_the_end_of_a_line_is_seen_and_ends_the_line():
    passage = build_passage(["a", "\u010a", "b"], np.ones(3))
    assert [t.text for t in passage.tokens] == ["a", "⏎", "b"]
    assert [len(line.tokens) for line in break_lines(passage, 800, len)] == [2, 1]


def test_padding_at_both_ends_is_set_apart_and_nothing_else():
    passage = build_passage(["", "[PAD]", "a", "", "b", "<pad>", ""], np.arange(7.0))
    assert [(t.text, t.position) for t in passage.tokens] == [("a", 2), ("·", 3), ("b", 4)]
    assert passage.padding_values.tolist() == [0, 1, 5, 6]
    ids = build_passage([0, 7, 0, 9, 0, 0], np.zeros(6))
    assert [t.text for t in ids.tokens] == ["#7", "#0", "#9"]
    assert len(build_passage(["", ""], np.zeros(2)).tokens) == 0


def test_special_tokens_stay_and_unknown_words_are_marked():
    passage = build_passage(["[CLS]", "[UNK]", "<unk>", "[SEP]"], np.zeros(4))
    assert [t.text for t in passage.tokens] == ["[CLS]", "[UNK]", "<unk>", "[SEP]"]
    assert [t.is_unknown for t in passage.tokens] == [False, True, True, False]


def test_controls_are_escaped_and_joiners_keep_their_letters_together():
    escaped = texts(["a\tb", "\u202egnp", "\x1b[31m", "\udc80"])
    assert escaped == ["a\\tb", "\\u202egnp", "\\x1b[31m", "\\udc80"]
    family = "👨\u200d👩"
    assert texts([family]) == [family]


def test_a_long_token_keeps_both_ends():
    (text,) = texts(["a" * 5000 + "b" * 5000])
    assert len(text) == MAX_CHARACTERS
    assert re.fullmatch("a+…b+", text)


def measure(text):
    return 10 * len(text)


def edges(lines):
    return [[(p.left, p.left + p.width) for p in line.tokens] for line in lines]


def test_words_stand_one_after_the_other_with_a_space_between_them():
    passage = build_passage(["ab", "##c", "d"], np.zeros(3))
    wide, narrow, last = 20 + 2 * PADDING, 10 + 2 * PADDING, 10 + 2 * PADDING
    start = wide + narrow + SPACE
    assert edges(break_lines(passage, 800, measure)) == [
        [(0, wide), (wide, wide + narrow), (start, start + last)]
    ]


@given(st.lists(st.text("abקר5#. ", max_size=9), max_size=30))
def test_no_token_is_lost_covered_or_outside(tokens):
    passage = build_passage(tokens, np.zeros(len(tokens)))
    lines = break_lines(passage, 120, measure)
    placed = [p.token.position for line in lines for p in line.tokens]
    assert sorted(placed) == [t.position for t in passage.tokens]
    for row in edges(lines):
        ordered = sorted(row)
        assert all(end <= start for (_, end), (start, _) in pairwise(ordered))
        assert ordered[0][0] >= 0
        assert ordered[-1][1] <= 120


def left_to_right(tokens):
    passage = build_passage(tokens, np.zeros(len(tokens)))
    (line,) = break_lines(passage, 2000, measure)
    return [p.token.text for p in sorted(line.tokens, key=lambda p: p.left)]


def test_words_stand_where_a_reader_of_their_script_expects_them():
    assert left_to_right(["אב", "גד", "הו"]) == ["הו", "גד", "אב"]
    assert left_to_right(["אב", "new", "film", "גד"]) == ["גד", "new", "film", "אב"]
    assert left_to_right(["אב", "new", "3", "film", "גד"])[1:4] == ["new", "3", "film"]
    assert left_to_right(["see", "אב", "גד", "now"]) == ["see", "גד", "אב", "now"]
    assert left_to_right(["אב", "film", "2024", "גד"]) == ["גד", "film", "2024", "אב"]
    assert left_to_right(["5", "stars"]) == ["5", "stars"]


def test_a_text_from_right_to_left_begins_at_the_right_edge():
    passage = build_passage(["אב", "גד"], np.zeros(2))
    (line,) = break_lines(passage, 500, measure)
    assert line.tokens[0].left + line.tokens[0].width == 500


def test_the_lines_of_the_largest_values_are_kept_in_their_order():
    values = np.zeros(200)
    values[[150, 3]] = 5, math.nan
    passage = build_passage(["abcdef"] * 200, values)
    lines = break_lines(passage, 70, measure)
    shown = select_lines(lines)
    assert len(lines) == 200
    assert len(shown) == MAX_LINES
    indices = [line.index for line in shown]
    assert indices == sorted(indices)
    assert {3, 150} <= set(indices)


def test_colours_are_white_at_zero_and_end_at_three_quarters_of_the_map():
    table = load_colour_table("RdBu_r")
    colours = paint_values(np.array([-2.0, 0, 2, 4, math.nan, math.inf]), Scale(2, True), "RdBu_r")
    assert colours[1].tolist() == [255, 255, 255]
    assert np.array_equal(colours[0], table[round(255 * 0.125)])
    assert np.array_equal(colours[2], table[round(255 * 0.875)])
    assert np.array_equal(colours[3], colours[2])
    assert colours[4:].tolist() == [list(NAN_COLOUR)] * 2


def count_ground(pixels, colour, row=0, top=TITLE_HEIGHT):
    lines = pixels[top + row * LINE_HEIGHT :][:GROUND_HEIGHT]
    return int((lines == colour).all(axis=-1).any(axis=0).sum())


def test_words_have_the_colours_of_their_values_from_the_left_margin_on():
    drawing = draw(["film", "dull"], [1, -1])
    pixels, record = read_png(drawing)
    table = load_colour_table("RdBu_r")
    assert pixels.shape[1] == WIDTH
    assert np.array_equal(pixels[TITLE_HEIGHT, MARGIN], table[round(255 * 0.875)])
    assert (pixels[TITLE_HEIGHT : TITLE_HEIGHT + GROUND_HEIGHT, :MARGIN] == 255).all()
    first, last = (count_ground(pixels, table[round(255 * at)]) for at in (0.875, 0.125))
    assert min(first, last) > 30
    assert record["kind"] == "text"
    assert record["scale"] == {"low": -1, "high": 1}
    assert drawing.scale == Scale(1, True)


def test_the_title_says_file_class_method_and_score():
    page = read_page(draw(["film"], [1], item="a.txt", probability=0.982))
    assert "<title>a.txt: praise, 98.2 %, ig, logit 2.5</title>" in page


def test_a_text_of_zeros_is_plain_words_on_white():
    drawing = draw(["a", "film", ""], [0, 0, 0])
    pixels, _ = read_png(drawing)
    assert drawing.flat
    assert np.ptp(pixels.astype(int), axis=-1).max() < 3, "only greys"
    assert "all zero" in read_page(drawing)


@pytest.mark.parametrize("sign", [1, -1])
def test_values_of_one_sign_keep_their_colour(sign):
    pixels, _ = read_png(draw(["a", "b"], [sign * 2, sign * 1]))
    red, _, blue = pixels[TITLE_HEIGHT, MARGIN].astype(int)
    assert (red - blue) * sign > 60


def test_what_is_not_finite_is_green_and_named():
    drawing = draw(["a", "b", "c"], [math.nan, -math.inf, 0.5])
    pixels, record = read_png(drawing)
    assert tuple(pixels[TITLE_HEIGHT, MARGIN]) == NAN_COLOUR
    assert record["scale"]["high"] == 0.5
    page = read_page(drawing)
    assert "green: not finite" in page
    assert "not a number" in page
    assert f"{MINUS}∞" in page


def test_nothing_but_nan_is_drawn_without_a_warning():
    drawing = draw(["a", "b"], [math.nan, math.nan])
    assert drawing.scale.limit == 0
    assert "green: not finite" in read_page(drawing)


def test_the_value_of_a_token_is_its_sum_or_the_norm_of_its_gradient():
    rows = [[3.0, -4.0], [0.0, 1.0]]
    assert draw(["a", "b"], rows).scale == Scale(1, True)
    gradient = draw(["a", "b"], rows, reduce="max-abs")
    assert gradient.scale == Scale(5, False)
    assert "L2 norm over the embedding" in read_page(gradient)
    assert draw(["a", "b"], rows, Style(reduce="mean-abs")).scale.limit == 3.5
    copied = draw(["a", "b"], [[2.0, 2.0], [1.0, 1.0]], copied=True)
    assert copied.scale.limit == 2


def test_one_scale_of_a_run_is_kept():
    style = Style(scale="run", limit=8.0, signed=True)
    assert draw(["a"], [2.0], style).scale == Scale(8.0, True)


def test_a_single_token_and_a_text_of_padding_are_drawn():
    pixels, _ = read_png(draw(["film"], [1]))
    assert pixels.shape[0] < 120
    page = read_page(draw(["", ""], [0, 0]))
    assert "2 padding tokens, not shown" in page
    assert "in all" not in page


def test_padding_that_has_values_says_so():
    assert "2 padding tokens, not shown: +0.5 in all" in read_page(
        draw(["a", "", ""], [1, 0.25, 0.25])
    )
    rows = [[1.0], [3.0], [2.0]]
    page = read_page(draw(["a", "", ""], rows, reduce="max-abs"))
    assert "2 padding tokens, not shown: at most 3 each" in page


def test_three_thousand_tokens_are_cut_and_counted_and_the_strip_shows_all():
    values = np.zeros(3000)
    values[2999] = 1
    drawing = draw([f"word{i}" for i in range(3000)], values)
    pixels, _ = read_png(drawing)
    assert len(pixels) < (MAX_LINES + 4) * LINE_HEIGHT
    strip = pixels[TITLE_HEIGHT, MARGIN : WIDTH - MARGIN]
    assert np.array_equal(strip[-1], load_colour_table("RdBu_r")[round(255 * 0.875)])
    assert (strip[:-1] == 255).all()
    page = read_page(drawing)
    assert "1,000 of 3,000 tokens not shown" in page
    assert ">word2999<" in page, "the strongest token stands in the table"


def test_the_strip_of_a_text_from_right_to_left_is_mirrored():
    pixels, _ = read_png(draw(["אבגדהו"] * 40, [1.0] + [0.0] * 39))
    strip = pixels[TITLE_HEIGHT, MARGIN : WIDTH - MARGIN]
    assert strip[-1].tolist() != [255, 255, 255]
    assert strip[0].tolist() == [255, 255, 255]


def test_tokens_that_the_record_lacks_are_marked():
    page = read_page(draw((), [1.0, 2.0]))
    assert page.count(">?<") == 4, "two words, and two rows of the table"


class Reader(HTMLParser):
    """Collects the tags of a page, and refuses an attribute that could run or load something."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("src", "href"), name
            assert "url(" not in (value or "").lower()


def test_hostile_tokens_are_text_in_a_page_without_scripts():
    values = np.linspace(-1, 1, len(HOSTILE))
    drawing = draw(HOSTILE, values, label="<b>&\udc80", quantity="<i>\udc80")
    page = read_page(drawing)
    reader = Reader()
    reader.feed(page)
    assert reader.tags <= {
        *("html", "head", "meta", "title", "body", "div", "p", "span"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert "<script" not in page
    assert "default-src 'none'" in page
    body = page[page.index('<div dir="auto"') :]
    shown = unescape(re.sub("<[^>]*>", "", body[: body.index("</div>")]))
    assert shown == " ".join(texts(HOSTILE))
    assert read_png(drawing)[0].shape[1] == WIDTH


def test_tokens_of_a_page_have_no_space_of_their_own():
    """Letters of Arabic join across spans only where nothing stands between them."""
    page = read_page(draw(["كتا", "##ب"], [1, -1]))
    block = re.search(r'<div dir="auto" style="[^"]*">(.*?)</div>', page)[1]
    spans = re.findall(r'<span style="([^"]*)"', block)
    assert "</span><span" in block
    assert len(spans) == 2
    assert not any(word in style for style in spans for word in ("padding", "margin"))


@given(st.lists(st.text(max_size=6), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_any_text_is_drawn_twice_alike(tokens, seed):
    values = np.random.default_rng(seed).normal(size=len(tokens))
    first, second = draw(tokens, values), draw(tokens, values)
    assert first == second
