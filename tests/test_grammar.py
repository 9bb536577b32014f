"""The small language: what is written is read back, and errors point at the word."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.errors import GrammarError, UsageError
from inputgrad_cli.grammar import as_list, parse, quote
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
