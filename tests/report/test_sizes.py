"""A page stays below its limit: smaller thumbnails, then none; large ones where room is left."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from inputgrad_cli.report.large_picture_budget import encode_large_pictures
from inputgrad_cli.report.page_contents import Status
from inputgrad_cli.report.single_file import SingleFile
from inputgrad_cli.report.thumbnail_height_choice import choose_height, find_smaller
from tests.report.pages import Page
from tests.report.synthetic import make_contents


def compose(tmp_path, contents, max_bytes):
    return SingleFile(tmp_path, tmp_path / "r.html", max_bytes).compose(contents, 96, False)


def test_the_height_is_the_largest_that_is_likely_to_fit():
    assert choose_height(96, 10_000, 25 << 20) == 96
    assert choose_height(128, 10_000, 25 << 20) == 96
    assert choose_height(96, 20_000, 25 << 20) == 64
    assert choose_height(96, 100_000, 25 << 20) is None
    assert choose_height(64, 10, 25 << 20) == 64
    assert [find_smaller(height) for height in (128, 96, 64, None)] == [96, 64, None, None]


def test_a_page_that_is_too_large_has_smaller_pictures(tmp_path):
    contents = make_contents(150)
    whole = compose(tmp_path, contents, 25 << 20)
    assert whole.height == 96
    smaller = compose(tmp_path, contents, len(whole.page) * 3 // 4)
    assert smaller.height == 64
    assert len(smaller.page) <= len(whole.page) * 3 // 4
    page = Page(smaller.page)
    assert max(Image.open(io.BytesIO(page.read_cell(0))).size) == 64
    assert page.index["name"] == Page(whole.page).index["name"]


def test_where_no_picture_fits_the_page_says_so(tmp_path):
    composed = compose(tmp_path, make_contents(150), 100_000)
    page = Page(composed.page)
    assert composed.height is None
    assert not page.list_attributes("img", "src")
    assert any("too many items for pictures" in text for text in page.texts["p"])
    assert len(page.index["name"]) == 150


@pytest.fixture
def with_files(tmp_path):
    """Return contents whose pictures are in the run as well, and the size of a large one."""
    Image.radial_gradient("L").convert("RGB").resize((500, 500)).save(tmp_path / "a.png")
    contents = make_contents(10)
    items = [
        replace(item, cells=[replace(cell, file="a.png") for cell in item.cells])
        for item in contents.items
    ]
    contents = replace(contents, items=items)
    (size, *_) = {len(data) for data in encode_large_pictures(tmp_path, contents, 1 << 30).values()}
    return contents, size


def test_large_pictures_go_in_while_there_is_room_those_that_missed_a_check_first(
    tmp_path, with_files
):
    contents, size = with_files
    statuses = [item.cells[0].status for item in contents.items]
    assert statuses[3] is Status.UNMET
    assert statuses[7] is Status.FAILED
    pictures = encode_large_pictures(tmp_path, contents, 2 * size)
    assert sorted(pictures) == [0, 3]
    for data in pictures.values():
        assert Image.open(io.BytesIO(data)).size == (448, 448)
    assert 7 not in encode_large_pictures(tmp_path, contents, 1 << 30)


def test_a_page_with_large_pictures_is_below_its_limit(tmp_path, with_files):
    contents, size = with_files
    small = len(compose(tmp_path, replace(contents, items=contents.items), 1).page)
    for room in (size, 4 * size, 100 * size):
        limit = small + 30_000 + room
        composed = compose(tmp_path, contents, limit)
        assert len(composed.page) <= limit
    assert sum(length > 0 for length in Page(composed.page).index["large"]) == 9
