"""What people read of searches: a line for each input, and what all came to."""

import pytest

from inputgrad_cli.cli.reporters.optimization_text import (
    format_radius,
    format_search,
    yield_summary_lines,
)
from inputgrad_cli.optimization.summaries.run_summary import Outcome, SearchSummary


def answer(label=None, probability=None, score=1.0, index=0):
    return {
        "score": score,
        "value": score,
        "class": index,
        "label": label,
        "probability": probability,
    }


def fields(search="success", **changed):
    return {
        "search": search,
        "before": answer("cross", 0.9999),
        "after": answer("star", 0.712, index=1),
        "distances": {
            "linf": 4.0,
            "l2": 413.1,
            "l1": 1.0,
            "l0": 3,
            "fractions": {"linf": 4 / 255, "l2": 1.62, "l1": 1.0},
        },
        "gradient_calls": 38,
        **changed,
    }


def test_a_line_has_the_classes_the_sizes_and_the_cost():
    assert format_search(fields()) == (
        "cross 99.99% -> star 71.2%  L∞ 4/255  L2 1.62 (pixels 0..1)  38 gradients"
    )
    failed = format_search(fields("failed", after=answer("cross", 0.91)))
    assert failed.startswith("cross 99.99% -> cross 91.0%  not reached  ")
    assert format_search(fields("already")) == "cross 99.99%  already there, not moved"


def test_without_classes_a_line_has_the_scores():
    changed = {
        "before": {
            "score": -0.25,
            "value": 0.25,
            "class": None,
            "label": None,
            "probability": None,
        },
        "after": {"score": 1.5, "value": 1.5, "class": None, "label": None, "probability": None},
        "distances": {"linf": 0.3, "l2": 0.5, "l1": 0.8, "l0": 2},
    }
    assert format_search(fields(**changed)) == "0.25 -> 1.5  L∞ 0.3  L2 0.5  38 gradients"


@pytest.mark.parametrize(
    ("radius", "text"), [(8 / 255, "8/255"), (0.5, "0.5"), (0.0, "0"), (1 / 255, "1/255")]
)
def test_a_radius_is_written_as_people_write_it(radius, text):
    assert format_radius(radius) == text


def summarize(*outcomes, **settings):
    settings = {"leaves_class": True, "norm": "inf", "in_pixels": True, **settings}
    return SearchSummary("pgd", "auto", outcomes, "pgd", radii=(8 / 255,), **settings)


def test_the_end_has_the_robust_accuracy_with_its_interval():
    outcomes = [Outcome("success", 8 / 255, gradient_calls=3)] * 12
    (line,) = yield_summary_lines([summarize(*outcomes, has_labels=True)])
    assert line == (
        "pgd: 12 inputs, 12 right before, robust accuracy at 8/255 0.0% (0.0% to 24.2%), "
        "median distance 8/255 (L∞), 36 gradients"
    )
    (line,) = yield_summary_lines([summarize(*outcomes)])
    assert "unchanged predictions at 8/255 0.0%" in line
    assert "right" not in line


def test_a_distance_between_pictures_has_its_unit():
    (line,) = yield_summary_lines([summarize(Outcome("success", 1.62), norm="2")])
    assert "median distance 1.62 (L2, pixels 0..1)" in line


def test_goals_that_leave_no_class_say_how_many_were_reached():
    outcomes = [Outcome("success", 0.5), Outcome("failed"), Outcome("already")]
    (line,) = yield_summary_lines(
        [summarize(*outcomes, leaves_class=False, norm="1", in_pixels=False)]
    )
    assert "50.0%" in line
    assert "1 there already" in line
    assert "median distance 0.5 (L1)" in line


def test_a_goal_without_an_end_says_how_many_scores_are_higher():
    outcomes = [Outcome("success", 0.5, gradient_calls=1)]
    (line,) = yield_summary_lines([summarize(*outcomes, leaves_class=False, has_end=False)])
    assert line.startswith("pgd: 1 input, 1 with a higher score than before, ")
    assert line.endswith(", 1 gradient")


def test_where_all_were_there_before_no_share_is_shown():
    (line,) = yield_summary_lines([summarize(Outcome("already"), leaves_class=False)])
    assert "1 there already" in line
    assert "%" not in line


def test_several_goals_are_named_with_their_targets_and_empty_ones_are_not_shown():
    summary = summarize(Outcome("failed"))
    lines = list(yield_summary_lines([summary, summarize(), summary]))
    assert len(lines) == 2
    assert all(line.startswith("pgd, target auto: 1 input, ") for line in lines)
