"""Files that a killed run had begun: known for our own until the journal has them."""

from tests.cli import items

from .conftest import draw_many
from .invariants import content, results

WORDS = ("saliency", "m.keras", "in", "--json", "--picture", "none", "--batch-size", "1", "-o")
OTHER = ("-m", "input-x-gradient:as=gradient")


def killed_at(tool, folder, journal_call, *words):
    """Run until just before the journal is written for the n-th time, and kill it there."""
    fault = {"folder": str(folder / "out/journal.jsonl"), "at": journal_call, "effect": "kill"}
    assert tool(*WORDS, "out", *words, fault={**fault, "only": "open"}).code == -9


def test_two_kills_with_other_options_between(tool, folder):
    """Case 2: what the first run wrote is not foreign to the third."""
    draw_many(folder / "in", 6)
    killed_at(tool, folder, 5)
    before = len(results(folder / "out"))
    assert before >= 5
    killed_at(tool, folder, 2, *OTHER)
    result = tool(*WORDS, "out", *OTHER)
    assert {item["status"] for item in items(result)} <= {"ok", "skipped"}, result.out
    assert result.code == 0
    assert tool(*WORDS, "clean", *OTHER).code == 0
    assert results(folder / "out") == results(folder / "clean")


def test_nothing_is_kept_of_what_is_done(tool, folder):
    """Case 2: killed when all lines were written; the next call leaves no note of it."""
    draw_many(folder / "in", 3)
    fault = {"folder": str(folder / "out/.pending"), "at": 1, "effect": "kill", "only": "unlink"}
    assert tool(*WORDS, "out", "--batch-size", "3", fault=fault).code == -9
    result = tool(*WORDS, "out", "--batch-size", "3")
    assert {item["status"] for item in items(result)} == {"skipped"}
    assert set(content(folder / "out")) - set(results(folder / "out")) == {
        ".lock",
        "run.json",
        "journal.jsonl",
    }


def test_a_run_between_that_leaves_it_alone(tool, folder):
    """Case 2: a file replaced without its line is done anew, also after a run of other items."""
    draw_many(folder / "in", 2)
    draw_many(folder / "more", 1)
    assert tool(*WORDS, "out", "--seed", "1").code == 0
    killed_at(tool, folder, 1, "--seed", "2")
    between = [word if word != "in" else "more" for word in WORDS]
    assert tool(*between, "out", "--root", ".", "--seed", "1").code == 0
    result = tool(*WORDS, "out", "--seed", "1")
    assert "ok" in {item["status"] for item in items(result)}, result.out
    assert tool(*WORDS, "clean", "--seed", "1").code == 0
    hashes = results(folder / "out")
    assert {name: hashes[name] for name in results(folder / "clean")} == results(folder / "clean")
