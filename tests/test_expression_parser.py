"""The small language: what is written is read back, and errors point at the word."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.errors import GrammarError, UsageError
from inputgrad_cli.expression_parser import as_list, parse, parse_whole_number, quote
from inputgrad_cli.methods import methods

names = st.from_regex(r"[a-z][a-z-]{0,10}", fullmatch=True)
values = st.text(min_size=1, max_size=20).filter(lambda v: v.strip())


@given(names, st.dictionaries(names, values, max_size=4))
def test_what_is_written_is_read_back(name, args):
    pairs = ",".join(f"{key}={quote(value)}" for key, value in args.items())
    call = parse(f"{name}:{pairs}" if args else name)
    assert call.name.text == name
    assert {key: value.text for key, (_, value) in call.args.items()} == args


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_words(text):
    with contextlib.suppress(GrammarError):
        assert parse(text).name.text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("smoothgrad:sampels=3", "sampels"),
        ("smoothgrad:samples=many", "many"),
        ("smoothgrad:samples=0", "0"),
        ("smoothgrad:samples=3,samples=4", "samples"),
        ("smooth:samples=3", "smooth"),
        ("smoothgrad:samples", "samples"),
        ("smoothgrad:of=a:b=c", "a:b=c"),
    ],
)
def test_the_mark_stands_under_the_wrong_word(text, word):
    with pytest.raises(GrammarError) as caught:
        methods.build(text)
    error = caught.value
    assert text[error.at : error.end] == word


@pytest.mark.parametrize("text", ["", ":", "gradient:", "a:b=1,", "a:=1", 'a:b="c', 'a:b="c"d'])
def test_broken_texts_are_refused(text):
    with pytest.raises(GrammarError):
        parse(text)


def test_a_near_miss_is_suggested():
    with pytest.raises(UsageError, match="did you mean 'smoothgrad'"):
        methods.build("smothgrad")


def test_lists_within_a_value():
    assert as_list("1; 2;3") == ["1", "2", "3"]


def test_an_inner_method_keeps_its_own_parameters():
    outer = methods.build('smoothgrad:of="integrated-gradients:steps=7",samples=2')
    assert (outer.inner.name, outer.inner.steps, outer.samples) == ("integrated-gradients", 7, 2)


@given(st.integers(0, 10**18 - 1))
def test_the_digits_of_a_whole_number_mean_it(value):
    assert parse_whole_number(str(value)) == value


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1_0", "1.0", "\u00b2", "\u0663", "9" * 5000]
)
def test_other_text_is_no_whole_number(text):
    """Among it a power, the digits of another script, and more digits than Python would read."""
    assert parse_whole_number(text) is None
