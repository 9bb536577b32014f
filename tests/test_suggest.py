"""Suggestions: what people type leads to the exact word to type."""

import pytest

from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.resolve_target import choose
from inputgrad_cli.data.signature import Head, Signature
from inputgrad_cli.data.target_text import class_word, parse
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import parameters
from inputgrad_cli.suggest import suggest

REGISTRIES = {"method": methods, "baseline": baselines}
NAMES = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.names()]
WORDS = [(word, names) for word, names in methods.aliases().items()]


def other_spellings(name):
    """Return a name as other tools write it: in capitals, with underscores, in one word."""
    parts = name.replace("++", "PlusPlus").split("-")
    camel = "".join(part[:1].upper() + part[1:] for part in parts)
    typed = {name.upper(), name.replace("-", "_"), name.replace("-", " "), camel}
    return typed - {name}


def slips(name):
    """Return a name with a letter left out, doubled, or swapped with its neighbour."""
    inner = range(1, len(name) - 1)
    yield from (name[:i] + name[i + 1 :] for i in inner)
    yield from (name[:i] + name[i] + name[i:] for i in inner)
    yield from (name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in inner)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_another_spelling_leads_to_the_name_alone(kind, name):
    for typed in other_spellings(name):
        if typed in REGISTRIES[kind].names():
            continue
        with pytest.raises(UsageError, match="there is no") as caught:
            REGISTRIES[kind].build(typed)
        assert f"did you mean {name!r}?" in caught.value.sentence(), typed


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_slip_of_the_finger_leads_to_the_name_first(kind, name):
    names = REGISTRIES[kind].names()
    for typed in slips(name):
        if typed not in names:
            assert suggest(typed, names)[:1] == [name], typed


@pytest.mark.parametrize(("word", "names"), WORDS)
def test_a_word_of_other_tools_leads_to_the_method(word, names):
    assert word not in methods.names()
    with pytest.raises(UsageError) as caught:
        methods.get(word.upper())
    for name in names:
        assert repr(name) in caught.value.sentence()


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ig", "integrated-gradients"),
        ("gradcam", "grad-cam"),
        ("gradcam++", "grad-cam++"),
        ("shap", "kernel-shap"),
        ("saliency", "gradient"),
        ("vanilla", "gradient"),
        ("deepshap", "deeplift"),
        ("CAM", "grad-cam"),
    ],
)
def test_what_people_type_is_answered_in_one_short_line(call, word, name):
    result = call("methods", word)
    assert result.code == 2
    assert f"'{name}'" in result.err
    assert len(result.err) < 160


@pytest.mark.parametrize("method", list(methods), ids=lambda m: m.name)
def test_a_parameter_misspelt_leads_to_the_parameter(method):
    for field in parameters(method):
        if len(field.name) <= 3:  # a slip in so short a word leaves nothing of it
            continue
        for typed in {field.name[:-1] + "z", field.name.upper(), "n_" + field.name}:
            with pytest.raises(UsageError) as caught:
                methods.build(f"{method.name}:{typed}=1")
            assert repr(field.name) in caught.value.sentence(), typed


def test_nothing_is_suggested_for_what_is_like_nothing():
    assert suggest("xyzzy", methods.names(), methods.aliases()) == []
    assert suggest("", ["a"]) == suggest("a", []) == []


def test_words_in_other_scripts_lead_to_themselves():
    assert suggest("Café", ["cafe", "tea"]) == ["cafe"]
    assert suggest("кошка ", ["кошка", "собака"]) == ["кошка"]
    assert suggest("🐱", ["🐱 ", "🐶"]) == ["🐱 "]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dog", "class:dog"),
        ("Class:3", "class:3"),
        ("class=3", "class:3"),
        ("clas:dog", "class:dog"),
        ("label:dog", "class:dog"),
        ("unit3", "unit:3"),
        ("topk:3", "top:3"),
        ("argmax", "top1"),
        ("probs/argmax", "top1"),
        ("Sum", "sum"),
        ("loss=mse", "loss:mse"),
    ],
)
def test_a_target_written_otherwise_leads_to_the_words_to_type(typed, meant):
    with pytest.raises(UsageError) as caught:
        parse(typed)
    assert meant in caught.value.mend.partition("; targets are")[0].partition("targets are")[0]


@pytest.mark.parametrize("typed", ["class:Dog", "class:dgo", "class:dogs", "class: DOG"])
def test_a_class_misspelt_leads_to_the_whole_word(typed):
    head = Head("probs", (3,), "softmax", proved=True)
    with pytest.raises(UsageError, match="did you mean 'class:dog'"):
        choose(parse(typed), Signature((), (head,)), "auto", ("cat", "dog", "horse"))


@pytest.mark.parametrize("name", ["3", "'a'", '"b"', "a, b", "a:b", "=", "🐶"])
def test_the_word_that_is_offered_for_a_class_names_it(name):
    head = Head("probs", (2,), "softmax", proved=True)
    (choice,) = choose(
        parse(f"class:{class_word(name)}"), Signature((), (head,)), "auto", ("x", name)
    )
    assert choice.terms == ((1,),)
