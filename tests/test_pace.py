"""The pace of a run follows from the size of the whole job, and from the memory there is."""

from pathlib import Path

import pytest

from inputgrad_cli import api
from inputgrad_cli.jobs import pace
from inputgrad_cli.jobs.job import Job
from inputgrad_cli.jobs.naming import maps_of
from inputgrad_cli.jobs.pace import Pace, choose_pace, kept_pace
from inputgrad_cli.modelfile.outline import Layer, Outline
from inputgrad_cli.signature import Port
from inputgrad_cli.target_text import parse


def chosen(items, shape=(224, 224, 3), methods=("gradient",), targets=("auto",), **more):
    asked = tuple(parse(text) for text in targets)
    job = Job(Path("m.keras"), methods=methods, targets=asked, **more)
    wishes = api.wishes(methods)
    maps = maps_of([(wish.label, wish.method) for wish in wishes], asked)
    outline = Outline("Functional", "m", (Port("x", shape),), None, ())
    return choose_pace(job, wishes, maps, outline, (items, items))


def test_one_picture_is_not_worth_compiling():
    assert chosen(1) == Pace("eager", 1, padded=False)


def test_a_hundred_pictures_are_compiled_and_a_thousand_folded():
    assert chosen(200).mode == "traced"
    assert chosen(1000) == Pace("folded", 16, padded=True)


def test_steps_and_targets_count_like_pictures():
    assert chosen(1, methods=("integrated-gradients:steps=1000",)).mode == "folded"
    assert chosen(2, targets=("all",)).mode == "folded"


def test_a_class_whose_name_ends_like_a_word_of_the_grammar_is_one_map():
    assert chosen(4, targets=("class:football",)) == chosen(4, targets=("class:cross",))


def test_small_samples_are_not_folded():
    assert chosen(100_000, shape=(10,)) == Pace("traced", 64, padded=True)


def test_passes_are_evenly_full():
    """Seventeen pictures are two passes of nine, not one of sixteen and one of one."""
    assert chosen(17).batch_size == 9


def test_a_size_that_was_asked_for_is_taken():
    assert chosen(1000, batch_size=5).batch_size == 5


@pytest.mark.parametrize(("gigabytes", "size"), [(64, 16), (4, 9), (0.01, 1)])
def test_a_pass_fits_in_half_of_the_memory(monkeypatch, gigabytes, size):
    monkeypatch.setattr(pace, "available", lambda: int(gigabytes * 1e9))
    layers = (
        Layer("a", "Conv2D", "", (112, 112, 1000)),
        Layer("b", "Conv2D", "", (None, 112, 500)),
    )
    wishes = api.wishes(("gradient",))
    maps = maps_of([(wish.label, wish.method) for wish in wishes], [parse("auto")])
    outline = Outline("Functional", "m", (Port("x", (224, 224, 3)),), None, layers)
    found = choose_pace(Job(Path("m.keras")), wishes, maps, outline, (10_000, 10_000))
    assert found.batch_size == size


def test_memory_is_read():
    assert pace.available() > 1 << 26


def test_a_run_that_was_begun_keeps_its_pace():
    job, new = Job(Path("m.keras")), Pace("folded", 16, padded=True)
    earlier = {"mode": "eager", "batch_size": 3, "padded": True}
    assert kept_pace(job, new, earlier) == Pace("eager", 3, padded=True)
    assert kept_pace(job, new, None) == new
    assert kept_pace(Job(Path("m.keras"), on_exists="overwrite"), new, earlier) == new
    assert kept_pace(Job(Path("m.keras"), batch_size=7), new, earlier) == new
