"""Targets: written, chosen against a model, named in files."""

import re

import pytest

from inputgrad_cli.data.resolved_and_pinned_targets import pin
from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.request_checks import refuse_labels
from inputgrad_cli.methods.gradient.gradient import Gradient
from inputgrad_cli.storage.requested_maps import build_map_specs, refuse_clashes
from inputgrad_cli.storage.targets_in_file_names import encode_target

PROBS = OutputSpec("probs", (4,), "softmax", logits_verified=True)
LINE = OutputSpec("size", (1,))
GRID = OutputSpec("grid", (8, 8, 3))
PAIR = OutputSpec("pair", (3,))
COIN = OutputSpec("coin", (1,), "sigmoid", logits_verified=True)


def named(*labels):
    return [(label, Gradient()) for label in labels]


def model(*heads):
    return Signature((InputSpec("x", (2,)),), heads)


def parsed(*texts):
    return [parse_target(text) for text in texts]


def asked(text):
    return [target.text for target in parse_target(text).split_ranks()]


def chosen(text, *heads, space="auto", labels=()):
    signature = model(*heads)
    return resolve_target(parse_target(text, [h.name for h in heads]), signature, space, labels)


@pytest.mark.parametrize(
    ("text", "head", "kind"),
    [
        ("auto", LINE, "units"),
        ("auto", PROBS, "rank"),
        ("top1", PAIR, "rank"),
        ("2", PAIR, "units"),
    ],
)
def test_what_a_target_comes_to(text, head, kind):
    assert chosen(text, head)[0].kind == kind


def test_logits_are_used_where_they_are_proved_and_the_output_elsewhere():
    assert chosen("1", PROBS)[0].space == "logit"
    assert chosen("1", PAIR)[0].space == "output"
    assert chosen("loss:mse", PROBS)[0].space == "output"


def test_top_k_gives_k_maps_with_names_of_their_own():
    maps = chosen("top:3", PROBS)
    assert [choice.text for choice in maps] == asked("top:3") == ["top1", "top2", "top3"]
    assert [choice.rank for choice in maps] == [0, 1, 2]
    assert asked("probs/top:2") == ["probs/top1", "probs/top2"]


def test_all_is_every_class():
    assert [choice.terms for choice in chosen("all", PROBS)] == [((n,),) for n in range(4)]


def test_a_margin_has_two_terms_of_opposite_sign():
    choice = chosen("margin:1,cat", PROBS, labels=["ant", "bee", "cat", "dog"])[0]
    assert choice.terms == ((1,), (2,))
    assert choice.signs == (1.0, -1.0)
    assert pin(choice, 3).index.shape == (3, 2, 1)


def test_a_head_is_recognised_only_by_name():
    assert parse_target("probs/top1", ["probs"]).head == "probs"
    assert parse_target("loss:a/b", ["probs"]).head is None


@pytest.mark.parametrize(
    ("text", "heads", "says"),
    [
        ("auto", (PROBS, LINE), "probs/auto"),
        ("top1", (GRID,), "unit:I,J"),
        ("auto", (GRID,), "unit:I,J"),
        ("class:9", (PROBS,), "0 to 3"),
        ("class:cow", (PROBS,), "--labels"),
        ("unit:8,0,0", (GRID,), "whole numbers within it, 3"),
        ("unit:1", (GRID,), "whole numbers within it, 3"),
        ("top:5", (PROBS,), "only 4"),
        ("1", (COIN,), "class:0"),
        ("margin:1", (PROBS,), "margin:1,2"),
        ("best", (PROBS,), "targets are"),
        ("top0", (PROBS,), "top1 or top:K"),
        ("unit:a", (PROBS,), "whole numbers"),
    ],
)
def test_what_the_model_lacks_is_refused_with_what_it_has(text, heads, says):
    with pytest.raises(UsageError) as caught:
        chosen(text, *heads)
    assert says in caught.value.format_line()


def test_the_pixels_of_a_mask_are_of_a_class_by_name():
    names = ["sky", "road", "car"]
    assert chosen("mask:m.png,class=road", GRID, labels=names)[0].rank == 1
    assert chosen("mask:m.png,class=2", GRID, labels=names)[0].rank == 2
    for labels in ((), names[:2]):  # names of another number are those of another output
        with pytest.raises(UsageError, match="no class is called 'road'") as caught:
            chosen("mask:m.png,class=road", GRID, labels=labels)
        assert "--labels" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        chosen("mask:m.png,class=rode", GRID, labels=names)
    assert "class=road" in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "activation", "count"),
    [
        ((4,), "softmax", 4),
        ((1,), "sigmoid", 2),
        ((8, 8, 3), "softmax", 3),
        ((None, None, 3), None, 3),
        ((8, 8, 1), "sigmoid", None),
        ((8, 8), None, None),
        ((2, 3, 4, 5), None, None),
    ],
)
def test_as_many_classes_can_have_names_as_the_output_or_its_pixels_have(shape, activation, count):
    head = OutputSpec("out", shape, activation)
    assert head.name_count == count
    names = ["name"] * (count or 1)
    if count is not None:
        refuse_labels(names, [head])
    with pytest.raises(UsageError, match=r"class names, and (\d+|no) classes"):
        refuse_labels([*names, "more"], [head])


SHAPES = [
    (8, 8),
    (8, 8, 1),
    (8, 8, 3),
    (None, None, 1),
    (None, None, 3),
    (8, 8, None),
    (2, 3, 4, 5),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "text", ["auto", "top1", "class:1", "all", "mask:m.png", "mask:m.png,class=0"]
)
def test_every_target_that_a_refusal_advises_is_taken(text, shape):
    head = OutputSpec("grid", shape)
    try:
        chosen(text, head)
        return  # a mask that fits
    except UsageError as error:
        advised = re.findall(r"(?:unit:[A-Z,]*[A-Z]|mask:[\w.]+(?:,class=K)?)", error.hint)
    assert advised
    for target in advised:
        numbers = re.sub(r"\b[I-N]\b", "0", target)
        assert chosen(numbers, head), target


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("class:3", "class3"),
        ("3", "class3"),
        ("class:cat", "class-cat"),
        ("class:a b/c", "class-a-b-c-e374bf"),
        ("class:a b", "class-a-b"),
        ("margin:1,2", "margin1-2"),
        ("margin:cat,dog", "margin-cat-dog"),
        ("unit:0,5", "unit0-5"),
        ("probs/top1", "probs-top1"),
        ("probs/3", "probs-class3"),
        ("mask:a/b.png", "mask-b"),
        ("mask:a/b.png,class=1", "mask-b-class1"),
        ("layer:hidden/unit:0", "layer-hidden-unit0"),
        ("unit:-1", "unit-1"),
        ("top:1", "top1"),
        ("loss:mse", "loss-mse"),
        ("auto", "auto"),
    ],
)
def test_a_target_in_a_file_name(target, word):
    assert encode_target(parse_target(target)) == word


def test_a_target_stands_in_names_unless_it_is_auto_alone():
    """Then a second call with another target keeps what the first has made."""
    assert [m.suffix for m in build_map_specs(named("gradient"), parsed("auto"))] == [".gradient"]
    assert [m.suffix for m in build_map_specs(named("gradient"), parsed("top1"))] == [
        ".gradient.top1"
    ]
    assert [m.suffix for m in build_map_specs(named("a", "b"), parsed("top:2"))] == [
        ".a.top1",
        ".a.top2",
        ".b.top1",
        ".b.top2",
    ]


@pytest.mark.parametrize(
    ("labels", "targets"),
    [("aa", ["auto"]), ("a", ["3", "class:3"]), ("a", ["top:2", "top1"])],
)
def test_two_maps_of_one_name_are_refused(labels, targets):
    with pytest.raises(UsageError):
        build_map_specs(named(*labels), parsed(*targets))


def test_items_that_one_file_system_would_mix_up_are_refused_there():
    maps = build_map_specs(named("gradient"), parsed("auto"))
    refuse_clashes(lambda: iter(("X.PNG", "x.png")), maps, ignore_case=False)
    with pytest.raises(UsageError, match="same files"):
        refuse_clashes(lambda: iter(("X.PNG", "x.png")), maps, ignore_case=True)


def test_an_item_named_like_the_result_of_another_is_refused():
    maps = build_map_specs(named("gradient", "gradient.gradient"), parsed("auto"))
    with pytest.raises(UsageError, match="same files"):
        refuse_clashes(lambda: iter(("a.png", "a.png.gradient")), maps)


def test_a_name_too_long_for_a_file_system_is_cut_and_kept_apart():
    map_spec = build_map_specs(named("gradient"), parsed("auto"))[0]
    first, second = (
        map_spec.build_files("in/" + "ü" * 200 + end).stem for end in ("a.png", "b.png")
    )
    assert first != second
    assert first.startswith("in/ü")
    assert first.endswith(".gradient")
    assert len(first.removeprefix("in/").encode()) <= 245
    assert map_spec.build_files("short.png").stem == "short.png.gradient"
