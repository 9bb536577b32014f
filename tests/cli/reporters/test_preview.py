"""What `--preview` draws on a terminal: blocks of colour, tables with bars, and when nothing."""

import io
import json
import sys

import numpy as np
import pyte
import pytest
from PIL import Image
from rich.console import Console

from inputgrad_cli.cli.reporters.preview import (
    BAR_CELLS,
    COLUMNS,
    FULL,
    HALF,
    LINES,
    NO_COLOURS,
    PreviewReporter,
    build_bar,
    build_blocks,
    build_table,
)
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.rendering.thumbnails import is_image_picture, shrink_picture
from inputgrad_cli.runs.run_events import MAX_PREVIEWS, ItemEvent
from inputgrad_cli.runs.tables.terminal_preview import build_preview_table
from tests.faults.conftest import ENV, draw_many
from tests.faults.engine import save_model
from tests.faults.server import SETTINGS
from tests.map_records import SAMPLE, build_record
from tests.terminal import ROWS, Terminal, shown

ROW = {"is_row": True, "others": "", "rows": [["age", "41", 2.0], ["income", "1.5", -1.0]]}


def render(drawing, columns=80):
    """Return the screen of a terminal on which a preview was drawn."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=columns)
    console.print(drawing)
    screen = pyte.Screen(columns, ROWS)
    pyte.ByteStream(screen).feed(out.getvalue().replace("\n", "\r\n").encode())
    return screen


def read_lines(drawing, columns=80):
    return [line.rstrip() for line in render(drawing, columns).display if line.strip()]


def encode(pixels):
    out = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_cell_shows_two_pixels_one_above_the_other():
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 8, 7]], [[1, 2, 3]] * 2])
    screen = render(build_blocks(pixels))
    assert [screen.buffer[0][column].data for column in (0, 1)] == [HALF, HALF]
    cells = [(screen.buffer[0][column].fg, screen.buffer[0][column].bg) for column in (0, 1)]
    assert cells == [("ff0000", "0000ff"), ("00ff00", "090807")]
    last = screen.buffer[1][0]
    assert (last.fg, last.bg) == ("010203", "default"), "an odd line has nothing below it"
    assert screen.buffer[0][2].data == " "


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((224, 224), (40, 40)),
        ((224, 448), (20, 40)),
        ((448, 224), (40, 20)),
        ((9, 8), (9, 8)),
        ((1, 4000), (1, 40)),
    ],
)
def test_a_picture_keeps_its_proportions_and_small_ones_their_size(shape, size):
    small = shrink_picture(encode(np.full((*shape, 3), 70)), COLUMNS, 2 * LINES)
    assert small.shape == (*size, 3)
    assert (small == 70).all()


@pytest.mark.parametrize(
    ("name", "is_shown"),
    [
        *((name, True) for name in ("overlay", "panel", "class-strip")),
        *((name, False) for name in ("heat-table", "signal", "volume", "search-row")),
    ],
)
def test_only_pictures_of_images_can_be_read_in_so_few_pixels(name, is_shown, samples):
    assert is_image_picture((samples / "figures" / f"{name}.png").read_bytes()) == is_shown


def test_a_bar_has_a_sign_and_a_length_in_eighths_of_a_cell():
    assert build_bar(2.0, 2.0).plain == "+ " + FULL * BAR_CELLS
    assert build_bar(-1.0, 2.0).plain == "\u2212 " + FULL * (BAR_CELLS // 2)
    assert build_bar(1.0, 160.0).plain == "+ \u258f", "one eighth"
    assert build_bar(1e-9, 1.0).plain == "+ \u258f", "what is not zero is seen"
    assert build_bar(12.0, 160.0).plain == "+ " + FULL + "\u258c"
    for value in (0.0, float("nan"), float("inf")):
        assert build_bar(value, 1.0).plain == ""
    assert build_bar(1.0, 0.0).plain == ""


def test_a_table_names_values_and_attributions():
    lines = read_lines(build_table(ROW))
    assert lines[0].split() == ["feature", "value", "attribution"]
    assert lines[1].split() == ["age", "41", "+2", "+", FULL * BAR_CELLS]
    assert lines[2].split() == ["income", "1.5", "\u22121", "\u2212", FULL * (BAR_CELLS // 2)]
    text = read_lines(build_table({**ROW, "is_row": False, "others": "7 others: +0.2"}))
    assert text[0].split() == ["token", "attribution"]
    assert text[-1] == "7 others: +0.2"


@pytest.mark.parametrize(
    "name",
    ["[red]income[/red]", "a:smile:b", "\x1b[31m\t", "x" * 10_000, "عربي", "🐶", "", "[/]"],
)
def test_names_are_shown_as_they_are(name):
    preview = {**ROW, "rows": [[name, name, float("nan")], ["plain", "1", 1.0]]}
    lines = read_lines(build_table(preview))
    assert len(lines) == 3
    assert "not a number" in lines[1]
    assert "\x1b" not in "".join(lines)
    if name.isascii() and 0 < len(name) < 20 and name.isprintable():
        assert lines[1].startswith(name)


def test_narrow_terminals_cut_and_break_nothing():
    for columns in (10, 25, 40):
        assert all(len(line) <= columns for line in read_lines(build_table(ROW), columns))


def test_without_a_terminal_it_says_so_once_and_draws_nothing(capsys):
    reporter = PreviewReporter(has_colour=True)
    fields = {"sample": None, "status": "ok", "preview": ROW, "picture": None}
    for name in "ab":
        reporter.report(ItemEvent({**fields, "input": name}))
    assert capsys.readouterr() == ("", f"inputgrad: {NO_COLOURS}.\n")


def test_the_first_map_of_each_of_the_first_items_is_shown(monkeypatch):
    monkeypatch.setattr("inputgrad_cli.cli.reporters.preview._open_console", lambda: object())
    reporter, drawn = PreviewReporter(has_colour=True), []
    monkeypatch.setattr(reporter, "_print", drawn.append)
    for item in range(MAX_PREVIEWS + 3):
        for method in "ab":
            fields = {"input": f"{item}", "sample": None, "method": method, "status": "ok"}
            reporter.report(ItemEvent({**fields, "preview": ROW, "picture": None}))
    assert len(drawn) == MAX_PREVIEWS
    other = PreviewReporter(has_colour=True)
    monkeypatch.setattr(other, "_print", drawn.append)
    event = ItemEvent({"input": "x", "sample": 1, "status": "ok", "preview": ROW})
    other.remember(event)
    other.report(event)
    other.report(ItemEvent({"input": "y", "sample": 1, "status": "failed"}))
    other.report(ItemEvent({"input": "z", "sample": 1, "status": "ok", "picture": "none.png"}))
    assert len(drawn) == MAX_PREVIEWS


def test_a_row_has_its_ten_largest_columns_and_the_sums_of_the_others():
    values = np.r_[np.arange(1.0, 31.0), -50.0].astype("f4")[np.newaxis]
    names = tuple(f"c{index}" for index in range(31))
    recorded = RecordedMap({"x": values}, build_record(samples=(SAMPLE,), header=names))
    table = build_preview_table(recorded, Samples({"x": values * 2}, many=True, header=names), 0)
    assert table["is_row"]
    assert table["rows"][:2] == [["c30", "\u2212100", -50.0], ["c29", "60", 30.0]]
    assert len(table["rows"]) == 10
    assert table["others"] == "21 others: +231"
    json.dumps(table)


@pytest.fixture
def terminal(tmp_path):
    """Start the command, without TensorFlow, in a terminal; keywords are those of Terminal."""
    save_model(tmp_path / "m.keras")
    draw_many(tmp_path / "in", 3)
    terminals = []

    def terminal(*words, env=None, **options):
        line = [sys.executable, "-m", "tests.faults.server", "saliency", "m.keras", "in", *words]
        env = {**ENV, SETTINGS: "{}", "COLORTERM": "truecolor", **(env or {})}
        terminals.append(Terminal(line, env=env, cwd=tmp_path, **options))
        return terminals[-1]

    yield terminal
    for running in terminals:
        running.close()


def test_pictures_are_drawn_on_a_terminal_with_colours(terminal, tmp_path):
    screen = terminal("--preview")
    assert screen.wait() == 0
    blocks = [line for line in shown(screen.raw, 80) if HALF in line]
    assert len(blocks) == 3 * LINES
    assert {len(line) for line in blocks} == {COLUMNS}
    cells = pyte.Screen(80, ROWS)
    pyte.ByteStream(cells).feed(screen.raw)
    top = next(row for row, line in enumerate(cells.display) if HALF in line)
    (first, *_) = sorted((tmp_path / "inputgrad-out").rglob("*.png"))
    pixels = shrink_picture(first.read_bytes(), COLUMNS, 2 * LINES)
    for row, column in ((0, 0), (5, 7), (LINES - 1, COLUMNS - 1)):
        cell = cells.buffer[top + row][column]
        assert cell.fg == bytes(pixels[2 * row, column].tolist()).hex()
        assert cell.bg == bytes(pixels[2 * row + 1, column].tolist()).hex()


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (("--preview", "-q"), {}),
        (("--preview", "--json"), {}),
        (("--preview", "--no-color"), {}),
        (("--preview",), {"NO_COLOR": "1"}),
        (("--preview",), {"TERM": "dumb"}),
        ((), {}),
    ],
)
def test_no_blocks_are_drawn_where_nobody_wants_or_sees_them(terminal, words, env):
    screen = terminal(*words, env=env)
    assert screen.wait() == 0
    lines = shown(screen.raw, 200)
    assert not any(HALF in line for line in lines)
    assert b"\x1b[" not in screen.raw
    can_say = words[-1:] == ("--preview",) or "--no-color" in words
    assert any("terminal with colours" in line for line in lines) == can_say
