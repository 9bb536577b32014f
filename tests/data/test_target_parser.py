"""The laws of a target's text: what it says comes back, in names and fingerprints, whatever it is.

Class names are anything that people write: words of the grammar, its separators, quotes, emoji.
"""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.data.target_parser import HELP, parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.errors import GrammarError, UsageError
from inputgrad_cli.expression_parser import quote
from inputgrad_cli.runs.inputs.item_targets_and_truth import ItemAnnotations
from inputgrad_cli.storage.targets_in_file_names import encode_target, encode_targets

WORDS = ["all", "top1", "top:2", "sum", "auto", "3", "unit:0", "probs", "probs/1", "layer:a/unit:0"]
ODD = ["red cross", "a,b", "a:b", "a/b", "a=b", "#1", '"', "'", "it's", '"cat"', "🐶", "🐱", "קשת"]
MORE = [
    " cat",
    "cat ",
    "cat",
    "Cat",
    "football",
    "a-b",
    "x,class=1",
    "a\\",
    "٣",
    "²",
    "é",
    "é",
    "_",
]
NAMES = st.one_of(
    st.sampled_from(WORDS + ODD + MORE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
LABELS = st.lists(NAMES, min_size=2, max_size=6, unique=True)


def quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def chosen(text, labels, shape=None):
    head = OutputSpec("probs", shape or (len(labels),), "softmax", logits_verified=True)
    signature = Signature((InputSpec("x", (2,)),), (head,))
    return resolve_target(parse_target(text, ["probs"]), signature, "auto", labels)


def mark(text, labels, masks=None):
    """Return what of a target goes into a fingerprint."""
    return ItemAnnotations(None, (), {}, labels, masks or {}).build_facts(
        "a.png", 0, parse_target(text)
    )


@given(LABELS, st.data())
def test_a_class_is_found_by_its_name_whatever_the_name(labels, data):
    index = data.draw(st.integers(0, len(labels) - 1))
    for text in (f"class:{quoted(labels[index])}", f"probs/class:{quoted(labels[index])}"):
        assert chosen(text, labels)[0].terms == ((index,),)


@given(LABELS, st.data())
def test_a_name_that_is_no_number_and_not_in_quotes_stands_as_it_is(labels, data):
    index = data.draw(st.integers(0, len(labels) - 1))
    if not re.fullmatch("[0-9]+|[\"'].*[\"']", labels[index], re.S):
        assert chosen(f"class:{labels[index]}", labels)[0].terms == ((index,),)


@given(LABELS, st.data())
def test_a_margin_takes_any_two_names(labels, data):
    first, second = (data.draw(st.integers(0, len(labels) - 1)) for _ in "ab")
    text = f"margin:{quoted(labels[first])},{quoted(labels[second])}"
    assert chosen(text, labels)[0].terms == ((first,), (second,))


@given(LABELS, NAMES, st.data())
def test_a_mask_takes_any_path_and_any_class(labels, path, data):
    index = data.draw(st.integers(0, len(labels) - 1))
    text = f"mask:{quoted(path)},class={quoted(labels[index])}"
    (choice,) = chosen(text, labels, (4, 4, len(labels)))
    assert (choice.argument, choice.rank) == (path, index)


@given(NAMES)
def test_losses_and_tables_take_any_name(name):
    assert parse_target(f"loss:{quoted(name)}").name == name
    assert parse_target(f"file:{quoted(name)}").path == name
    assert parse_target(f"loss:{name}").name in (name, name[1:-1])


@given(st.lists(NAMES, min_size=2, max_size=5, unique=True))
def test_no_two_targets_of_a_call_share_a_name(names):
    texts = [f"class:{quoted(name)}" for name in names]
    texts += [f"mask:{quoted(name)},class=1" for name in names]
    texts += [f"margin:{quoted(names[0])},{quoted(name)}" for name in names]
    texts += ["auto", "all", "top:2", "sum", "3", "unit:0", "layer:a/unit:0"]
    words = encode_targets([each for text in texts for each in parse_target(text).split_ranks()])
    assert len({word.casefold() for word in words}) == len(words)
    for word in words:
        assert re.fullmatch(r"[\w+\-]+", word)
        assert len(word.encode()) < 100


@given(LABELS, st.permutations(range(6)), st.data())
def test_a_fingerprint_changes_just_when_the_class_does(labels, order, data):
    """The case: a corrected label file, the same call, and the map of the old class stays."""
    name = data.draw(st.sampled_from(labels))
    other = [labels[n] for n in order if n < len(labels)]
    text = f"class:{quoted(name)}"
    same = labels.index(name) == other.index(name)
    assert (mark(text, labels) == mark(text, other)) == same
    assert chosen(text, labels)[0].terms == ((labels.index(name),),)


@given(NAMES, NAMES)
def test_a_name_that_no_label_has_stands_in_the_fingerprint_whole(absent, other):
    marks = [mark(f"class:{quoted(name)}", ()) for name in (absent, other)]
    assert (marks[0] == marks[1]) == (absent == other)


def test_the_two_masks_of_a_name_have_fingerprints_of_their_own():
    masks = {"m.png": np.ones((2, 2), bool)}
    other = {"m.png": np.zeros((2, 2), bool)}
    assert mark("mask:m.png", (), masks) != mark("mask:m.png", (), other)
    assert mark("sum", (), masks) == mark("sum", (), other)


@given(st.text(max_size=30))
@example("layer:a")
@example("class:" + "9" * 5000)
@example("top:" + "9" * 5000)
@example("unit:²")
def test_any_text_is_a_target_or_an_error_that_points_into_it(text):
    target = error = None
    try:
        target = parse_target(text)
    except GrammarError as caught:
        error = caught
    if error is None:
        assert target.text == text
        assert all(encode_target(each) for each in target.split_ranks())
    else:
        assert error.text == text
        assert 0 <= error.at <= len(text)


@pytest.mark.parametrize(
    ("text", "outputs", "head", "kind"),
    [
        ("class:a/3", (), None, "class"),
        ("class:a/3", ("class:a",), "class:a", "class"),
        ("x/a/top1", ("x/a", "x/b"), "x/a", "top"),
        ("all/sum", ("all",), "all", "reduce"),
        ("layer:outer/inner/unit:0", ("probs",), "layer:outer/inner", "unit"),
        ("layer:a/class:b/c", ("probs",), "layer:a", "class"),
        ("layer:a#1/mask:b/c.png", ("probs",), "layer:a#1", "mask"),
        ("mask:probs/a.png", ("probs",), None, "mask"),
    ],
)
def test_the_name_before_the_slash_is_an_outputs_or_no_name(text, outputs, head, kind):
    target = parse_target(text, outputs)
    assert (target.head, target.kind) == (head, kind)


def test_an_output_that_the_model_lacks_is_named_with_those_it_has():
    with pytest.raises(UsageError, match=r"no output 'nose'.*kind, size"):
        parse_target("nose/top1", ("kind", "size"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("kind/best", "best"),
        ("unit:0,x,1", "x"),
        ("margin:1", "1"),
        ("top:0", "top:0"),
        ("mask:,class=1", ",class=1"),
        ("layer:a/nothing", "nothing"),
    ],
)
def test_an_error_points_at_the_word(text, word):
    with pytest.raises(GrammarError) as caught:
        parse_target(text)
    assert text[caught.value.at : caught.value.end] == word


def test_a_bare_word_is_taken_for_a_class_in_the_advice():
    with pytest.raises(GrammarError, match="class:dog") as caught:
        parse_target("dog")
    assert HELP in str(caught.value)


def test_a_name_that_two_classes_share_is_refused_with_their_numbers():
    """ImageNet has two classes called crane: 134 and 517."""
    with pytest.raises(UsageError, match="class:1, class:3"):
        chosen("class:crane", ["a", "crane", "b", "crane"])


def test_a_number_in_quotes_is_a_name():
    labels = ["7", "3", "1"]
    assert chosen("class:1", labels)[0].terms == ((1,),)
    assert chosen('class:"1"', labels)[0].terms == ((2,),)
    assert encode_target(parse_target("class:1")) != encode_target(parse_target('class:"1"'))


def test_quotes_that_the_grammar_writes_are_read():
    for name in [*WORDS, *ODD, *MORE]:
        if not name.isascii() or not name.isdigit():
            assert chosen(f"class:{quote(name)}", [name, "other"])[0].terms == ((0,),)
