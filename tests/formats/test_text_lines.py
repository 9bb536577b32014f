"""A text file is one text, or with `lines` one text a line."""

from pathlib import Path

import pytest

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.interfaces.reader import ReadOptions

from . import port


def read(data, shape=(), dtype="string", lines=True):
    options = ReadOptions((port(shape, dtype),), PRESETS["raw"], lines=lines)
    return read_samples({None: data}, {None: Path("a.txt")}, options)


def test_each_line_is_a_sample_without_its_end():
    samples = read("good film\r\nslow\u2028and dull \n".encode())
    assert samples.arrays["x"].tolist() == ["good film", "slow\u2028and dull "]
    assert samples.many
    assert not samples.notes


def test_a_file_of_one_line_is_still_many():
    assert read(b"good").sample_count == 1
    assert read(b"good", lines=False).sample_count is None


def test_an_input_of_one_text_a_row_gets_rows():
    assert read(b"a\nb", shape=(1,)).arrays["x"].tolist() == [["a"], ["b"]]


def test_without_the_option_the_file_is_one_text():
    samples = read(b"good\n\nfilm\n", lines=False)
    assert samples.arrays["x"].tolist() == ["good\n\nfilm"]


def test_empty_lines_are_no_samples_and_are_counted():
    samples = read(b"\na\n  \t\nb\n\n\n")
    assert samples.arrays["x"].tolist() == ["a", "b"]
    assert samples.notes == {"empty-lines": "2 of 4 lines are empty and are not counted as samples"}


def test_a_bad_line_fails_alone_and_is_named_by_its_line():
    samples = read(b"a\n\nb\0c\nd")
    assert list(samples.failed) == [1]
    assert "a.txt:3: holds a NUL byte" in samples.failed[1].format_line()
    assert samples.arrays["x"].tolist() == ["a", "", "d"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\0", "unreadable"),
        (b"\0\n\0", "unreadable"),
        (b"ok\n\xff", "unreadable"),
    ],
)
def test_a_file_without_a_usable_line_is_refused(data, kind):
    with pytest.raises(ItemError) as caught:
        read(data)
    assert caught.value.kind == kind


@pytest.mark.parametrize("spec", [((3,), "string"), ((), "float32")])
def test_lines_feed_inputs_of_a_single_text_only(spec):
    with pytest.raises(ItemError, match="a text does not fit input"):
        read(b"a\nb", *spec)
