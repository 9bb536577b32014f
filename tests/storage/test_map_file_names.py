"""The names of a map's files, as laws over all names of items, methods and sites."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from inputgrad_cli.storage.map_file_names import MapFiles, is_array, is_picture

# Any name of a file but `.` and `..`: what is not UTF-8 becomes lone surrogates.
WORDS = (
    st.binary(min_size=1, max_size=255)
    .filter(lambda name: not {0, ord("/")} & set(name) and name not in (b".", b".."))
    .map(os.fsdecode)
)
ITEMS = st.lists(WORDS, min_size=1, max_size=3).map("/".join)
LABELS = st.text("abc-", min_size=1, max_size=20)
TARGETS = st.sampled_from(["", ".class3", ".mask-b"])
SITES = st.lists(st.text(max_size=60), min_size=1, max_size=3, unique=True)
COUNTS = st.integers(1, 12)
LONG = "d/" + "é" * 125, "gradient", ".class3", 11, ["x" * 60, "y" * 60]  # every name is cut


def list_all(files, count, sites):
    pictures = [files.list_pictures(n, sites) for n in (None, count)]
    names = [name for rows in pictures for row in rows for name in row]
    return [files.arrays, files.table, *files.list_arrays(count), *names]


@example(*LONG)
@given(ITEMS, LABELS, TARGETS, COUNTS, SITES)
def test_a_map_knows_every_name_that_it_gives(item, label, target, count, sites):
    files = MapFiles.from_item(item, f".{label}{target}")
    assert files.is_of(item, label)
    for name in list_all(files, count, sites):
        assert files.has_file(name)
        assert name.rpartition("/")[0] == item.rpartition("/")[0]


@example(*LONG)
@given(ITEMS, LABELS, TARGETS, COUNTS, SITES)
def test_every_name_fits_a_file_system_and_no_two_are_equal(item, label, target, count, sites):
    files = MapFiles.from_item(item, f".{label}{target}")
    names = list_all(files, count, sites)
    assert max(len(os.fsencode(name.rpartition("/")[2])) for name in names) <= 255
    assert len({name.casefold() for name in names}) == len(names)


@given(ITEMS, ITEMS, LABELS)
def test_two_items_never_share_a_file(first, second, label):
    a, b = (MapFiles.from_item(item, f".{label}") for item in (first, second))
    assert (a == b) == (first == second)
    if a != b:
        assert not b.has_file(a.arrays)


@given(ITEMS, LABELS)
def test_a_journal_line_gives_the_names_back(item, label):
    files = MapFiles.from_item(item, f".{label}")
    assert MapFiles.from_line(files.encoded) == files
    files.encoded["stem"].encode()  # strict JSON


def test_the_names_of_one_map():
    files = MapFiles.from_item("in/a.png", ".gradient.class3")
    assert files.arrays == "in/a.png.gradient.class3.npz"
    assert files.table == "in/a.png.gradient.class3.csv"
    assert files.list_arrays(11)[3] == "in/a.png.gradient.class3.03.npz"
    assert files.list_pictures(None, ["x"]) == [["in/a.png.gradient.class3.png"]]
    assert files.list_pictures(2, ["x", "y"])[1] == [
        "in/a.png.gradient.class3.x.1.png",
        "in/a.png.gradient.class3.y.1.png",
    ]
    assert files.list_pictures(None, []) == [[]]
    assert is_array(files.arrays)
    assert is_picture(files.list_pictures(None, ["x"])[0][0])


def test_sites_that_are_written_alike_are_kept_apart():
    (names,) = MapFiles("a").list_pictures(None, ["x/a", "x-a", "X:A", "日本", "/"])
    assert len({name.casefold() for name in names}) == 5
    assert not any("/" in name or ":" in name for name in names)
