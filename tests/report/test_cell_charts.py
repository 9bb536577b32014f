"""What a cell shows that is no picture: bars, words, series, on arrays of a few values."""

import numpy as np
import pytest

from inputgrad_cli.rendering.label_formatting import MINUS
from inputgrad_cli.report.cell_charts import (
    MAX_TOKENS,
    Row,
    build_bars,
    build_spark,
    build_tokens,
)


def bars(values, top=8, names=None, is_sum=True):
    names = names or [f"f{i}" for i in range(len(values))]
    return build_bars(Row(names, np.array(values)), top, is_sum)


def test_bars_are_the_largest_values_in_proportion():
    shown = bars([0.5, -2.0, 1.0, 0.0])
    assert shown.names == ["f1", "f2", "f0", "f3"]
    assert shown.lengths == [-100, 50, 25, 0]
    assert shown.numbers == [f"{MINUS}2", "+1", "+0.5", "0"]
    assert shown.others == ""


def test_what_is_left_out_is_summed_by_sign_so_that_nothing_cancels():
    values = [10.0, 9.0, 1.0, -2.0, 3.0, -4.0]
    shown = bars(values, top=2)
    assert shown.names == ["f0", "f1"]
    assert shown.others == f"4 others: {MINUS}6 and +4 together"
    assert bars(values, top=2, is_sum=False).others == "4 others, each at most 4"


def test_a_single_value_is_not_called_others():
    assert len(bars([3.0, 2.0, 1.0], top=2).names) == 3
    assert len(bars([4.0, 3.0, 2.0, 1.0], top=2).names) == 2


def test_values_that_are_no_numbers_come_first_without_a_length():
    shown = bars([1.0, np.nan, -np.inf, 5.0], top=8)
    assert shown.names[:2] == ["f1", "f2"]
    assert shown.numbers[:2] == ["not a number", f"{MINUS}∞"]
    assert shown.lengths == [0, 0, 100, 20]


@pytest.mark.parametrize("values", [[0.0, 0.0], [7.0], [np.nan], [2.0, 2.0]])
def test_rows_without_a_range_have_bars(values):
    shown = bars(values)
    assert len(shown.names) == len(values)
    assert all(-100 <= length <= 100 for length in shown.lengths)


def test_ten_thousand_features_are_eight_bars():
    values = np.random.default_rng(0).normal(size=10_000)
    shown = bars(values)
    assert shown.names[0] == f"f{np.abs(values).argmax()}"
    assert "9,992 others" in shown.others


def test_names_of_columns_keep_both_ends_and_show_what_controls_are_in_them():
    first, second = bars([2.0, 1.0], names=["x" * 40 + "_end", "tab\t"]).names
    assert first.startswith("xxx")
    assert first.endswith("_end")
    assert len(first) == 28
    assert second == "tab\\t"


def test_words_are_joined_as_they_were_written():
    def join(tokens):
        return "".join(build_tokens(tokens, np.ones(len(tokens))).words)

    assert join(["the", "cat", "##s"]) == "the cats"
    assert join(["\u2581the", "\u2581cat", "s"]) == "the cats"
    assert join(["The", "\u0120cat", "s", "\u010a"]) == "The cats⏎"
    assert join([7, 12]) == "#7 #12"
    assert join(["a\u202eb", "c"]) == "a\\u202eb c"


def test_words_are_coloured_by_the_largest_value_of_the_text():
    shown = build_tokens(["a", "b", "c"], np.array([0.5, -2.0, 0.0]))
    assert shown.levels == [2, -8, 0]
    assert shown.numbers == ["+0.5", f"{MINUS}2", "0"]


def test_padding_is_counted_and_long_texts_are_cut():
    shown = build_tokens(["a", "b", "[PAD]", "[PAD]"], np.ones(4))
    assert len(shown.words) == 2
    assert shown.others == "2 padding tokens, not shown"
    long = build_tokens(["w"] * (MAX_TOKENS + 5), np.ones(MAX_TOKENS + 5))
    assert len(long.words) == len(long.levels) == len(long.numbers) == MAX_TOKENS
    assert long.others == "5 more tokens"
    (word,) = build_tokens(["x" * 10_000], np.ones(1)).words
    assert len(word) == 60


def test_a_series_keeps_the_largest_value_of_each_column_with_its_sign():
    values = np.zeros(9600)
    values[[100, 101]] = [4.0, -8.0]  # both in the second column
    shown = build_spark(values)
    assert len(shown.levels) == 96
    assert shown.levels[1] == -100
    assert sum(map(abs, shown.levels)) == 100
    assert build_spark(np.array([np.nan, 1.0])).levels == [0, 100]
    assert build_spark(np.zeros(0)).levels == [0]
