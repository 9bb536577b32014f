"""Suggestions: what people type leads to the exact word to type."""

import keras
import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.signature import OutputSpec, Signature
from inputgrad_cli.data.target_parser import format_class, parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import list_parameters
from inputgrad_cli.spelling_suggestions import suggest

REGISTRIES = {"method": methods, "baseline": baselines}
NAMES = [(kind, name) for kind, registry in REGISTRIES.items() for name in registry.list_names()]
WORDS = [(word, names) for word, names in methods.list_aliases().items()]


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
        if typed in REGISTRIES[kind].list_names():
            continue
        with pytest.raises(UsageError, match="there is no") as caught:
            REGISTRIES[kind].build(typed)
        assert f"did you mean {name!r}?" in caught.value.format_line(), typed


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_slip_of_the_finger_leads_to_the_name_first(kind, name):
    names = REGISTRIES[kind].list_names()
    for typed in slips(name):
        if typed not in names:
            assert suggest(typed, names)[:1] == [name], typed


@pytest.mark.parametrize(("word", "names"), WORDS)
def test_a_word_of_other_tools_leads_to_the_method(word, names):
    assert word not in methods.list_names()
    with pytest.raises(UsageError) as caught:
        methods.get(word.upper())
    for name in names:
        assert repr(name) in caught.value.format_line()


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
    for field in list_parameters(method):
        if len(field.name) <= 3:  # a slip in so short a word leaves nothing of it
            continue
        for typed in {field.name[:-1] + "z", field.name.upper(), "n_" + field.name}:
            with pytest.raises(UsageError) as caught:
                methods.build(f"{method.name}:{typed}=1")
            assert repr(field.name) in caught.value.format_line(), typed


def test_nothing_is_suggested_for_what_is_like_nothing():
    assert suggest("xyzzy", methods.list_names(), methods.list_aliases()) == []
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
        parse_target(typed)
    assert meant in caught.value.hint.partition("; targets are")[0].partition("targets are")[0]


@pytest.mark.parametrize("typed", ["class:Dog", "class:dgo", "class:dogs", "class: DOG"])
def test_a_class_misspelt_leads_to_the_whole_word(typed):
    head = OutputSpec("probs", (3,), "softmax", logits_verified=True)
    with pytest.raises(UsageError, match="did you mean 'class:dog'"):
        resolve_target(parse_target(typed), Signature((), (head,)), "auto", ("cat", "dog", "horse"))


@pytest.mark.parametrize("name", ["3", "'a'", '"b"', "a, b", "a:b", "=", "🐶"])
def test_the_word_that_is_offered_for_a_class_names_it(name):
    head = OutputSpec("probs", (2,), "softmax", logits_verified=True)
    (choice,) = resolve_target(
        parse_target(f"class:{format_class(name)}"), Signature((), (head,)), "auto", ("x", name)
    )
    assert choice.terms == ((1,),)


L = keras.layers


def test_a_misspelt_layer_has_neighbours(tmp_path):
    layers = [keras.Input((3,)), L.Dense(2, name="hidden_one"), L.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras")
    with pytest.raises(Exception, match="did you mean 'hidden_one'"):
        api.explain(opened, np.ones(3), wrt="layer:hiden_one")
