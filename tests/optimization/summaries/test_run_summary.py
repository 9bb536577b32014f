"""What a run of searches comes to: shares, intervals, distances, curves, gates."""

import math

import pytest

from inputgrad_cli.errors import GrammarError
from inputgrad_cli.optimization.summaries.fail_thresholds import (
    OVER,
    UNDER,
    list_failures,
    parse_fraction,
    parse_gate,
)
from inputgrad_cli.optimization.summaries.run_summary import Outcome, SearchSummary, Share

REACHED = [Outcome("success", d, radius=d, gradient_calls=10) for d in (0.1, 0.2, 0.3)]
MISSED = Outcome("failed", 0.3, stop="zero-gradient", gradient_calls=40)
WRONG = Outcome("already")


def build(*outcomes, **settings):
    return SearchSummary("pgd", "auto", outcomes, **{"leaves_class": True, **settings})


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # R, binom::binom.wilson
        (0, 12, 0.0, 0.2425),
        (12, 12, 0.7575, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 100, 0.0018, 0.0545),
    ],
)
def test_the_interval_is_wilsons(count, total, low, high):
    assert Share(count, total).interval == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_the_interval_is_everything():
    assert Share(0, 0).interval == (0.0, 1.0)
    assert build().robust_accuracy is None
    assert build().median_distance is None


def test_what_was_wrong_before_counts_against_the_model_but_never_as_a_success():
    summary = build(*REACHED, MISSED, WRONG)
    assert summary.clean.value == pytest.approx(4 / 5)
    assert summary.robust_accuracy == pytest.approx(1 / 5)
    assert summary.success_rate == pytest.approx(3 / 4)
    assert summary.gradient_calls == 70
    assert summary.zero_gradients == Share(1, 4)


def test_the_median_has_zero_for_wrong_ones_and_infinity_for_failures():
    assert build(*REACHED, MISSED, WRONG).median_distance == pytest.approx(0.2)
    assert build(REACHED[0], MISSED, MISSED).median_distance == math.inf
    assert build(WRONG, WRONG, MISSED).median_distance == 0.0
    assert build(MISSED).quartiles == (math.inf,) * 3


def test_the_curve_never_rises_and_begins_at_the_clean_share():
    summary = build(*REACHED, MISSED, WRONG, radii=(0.05, 0.1, 0.25, 0.3))
    values = [point.robust.count for point in summary.build_curve()]
    assert values == [4, 3, 2, 1]


def test_goals_that_leave_no_class_have_no_robust_accuracy():
    summary = build(*REACHED, MISSED, leaves_class=False)
    assert summary.robust_accuracy is None
    assert summary.valid_share == pytest.approx(3 / 4)
    (failure,) = list_failures([parse_gate(UNDER, "robust-accuracy=0.5")], [summary])
    assert "has no robust-accuracy" in failure


@pytest.mark.parametrize(
    ("option", "text", "holds"),
    [
        (UNDER, "robust-accuracy=0.2", True),
        (UNDER, "robust-accuracy=0.21", False),
        (UNDER, "median-distance=51/255", True),
        (UNDER, "median-distance=52/255", False),
        (OVER, "success-rate=0.75", True),
        (OVER, "success-rate=0.7", False),
    ],
)
def test_a_gate_holds_at_its_limit(option, text, holds):
    failures = list_failures([parse_gate(option, text)], [build(*REACHED, MISSED, WRONG)])
    assert (failures == []) == holds
    assert all(text in failure for failure in failures)


@pytest.mark.parametrize(
    ("option", "text", "advice"),
    [
        (UNDER, "robust-acuracy=0.5", "robust-accuracy"),
        (UNDER, "success-rate=0.5", "--fail-over"),
        (OVER, "valid=0.5", "--fail-under"),
        (UNDER, "valid", "valid=VALUE"),
        (UNDER, "valid=much", "0.5 or 2/255"),
        (UNDER, "valid=95", "between 0 and 1"),
        (UNDER, "valid=nan", "0.5 or 2/255"),
        (UNDER, "", "robust-accuracy"),
    ],
)
def test_a_wrong_gate_says_how_to_write_it(option, text, advice):
    with pytest.raises(GrammarError) as caught:
        parse_gate(option, text)
    assert advice in caught.value.format_line()


def test_fractions_are_numbers():
    assert parse_fraction("8/255") == 8 / 255
    assert parse_fraction("0.5") == 0.5


@pytest.mark.parametrize("text", ["1/0", "x", "inf", "1/2/3"])
def test_what_is_no_finite_number_is_no_fraction(text):
    with pytest.raises(ValueError, match="finite"):
        parse_fraction(text)
