"""Texts for a page that is read elsewhere: names, numbers, messages without folders."""

import math

import pytest

from inputgrad_cli.rendering.label_formatting import MINUS, cut_middle
from inputgrad_cli.report.path_and_number_formatting import (
    Cleaner,
    build_link,
    format_name,
    format_number,
    format_size,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "+1"),
        (-0.12345, f"{MINUS}0.123"),
        (12345.0, "+12300"),
        (1e6, "+1.00e+06"),
        (-1e-5, f"{MINUS}1.00e{MINUS}05"),
        (math.inf, "+∞"),
        (-math.inf, f"{MINUS}∞"),
        (math.nan, "not a number"),
        (None, "not a number"),
    ],
)
def test_numbers_have_three_digits_and_a_sign(value, text):
    assert format_number(value) == text


def test_names_show_what_cannot_be_seen():
    assert format_name("a\nb\u202ec.png") == "a\\nb\\u202ec.png"
    assert format_name("\udcff.png", 3) == "\\udcff.png#3"
    assert len(format_name("x" * 1000)) == 250
    assert format_name("näme 日本語.png") == "näme 日本語.png"


def test_a_cut_text_keeps_both_ends():
    assert cut_middle("abcdefghij", 10) == "abcdefghij"
    assert cut_middle("abcdefghij", 5) == "ab…ij"


def test_links_lead_to_the_file_whatever_its_name():
    assert build_link("a b#c?d%e.png") == "a%20b%23c%3Fd%25e.png"
    assert build_link("javascript:x/y") == "javascript%3Ax/y"
    assert build_link("\udcff\n") == "%FF%0A"


def test_folders_of_this_machine_are_left_out_of_texts():
    cleaner = Cleaner(["/home/an na/run", "/data"])
    assert cleaner.clean("/home/an na/run/in/a.png: gone") == "in/a.png: gone"
    assert cleaner.clean("see /data/x.csv") == "see x.csv"
    assert cleaner.clean("see /mnt/data/x.csv") == "see …/x.csv"
    assert cleaner.clean("mask:/etc/deep/er/m.png") == "mask:…/m.png"
    assert (
        cleaner.clean("eps=8/255 and in/a.png, up/or/down") == "eps=8/255 and in/a.png, up/or/down"
    )
    assert cleaner.clean("'/opt/a/b.png'") == "'…/b.png'"
    assert len(cleaner.clean("x" * 9999)) == 500


def test_sizes_are_written_as_people_do():
    assert format_size(1234) == "1 kB"
    assert format_size(25 << 20) == "26.2 MB"
