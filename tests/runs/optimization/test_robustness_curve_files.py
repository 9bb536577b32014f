"""The curve of the robust accuracy: which runs write it, what it holds, and what it replaces."""

import csv

import pytest
from PIL import Image

from inputgrad_cli.errors import StorageError
from inputgrad_cli.optimization.summaries.gradient_masking_signs import yield_masking_signs
from inputgrad_cli.optimization.summaries.run_summary import Outcome, SearchSummary
from inputgrad_cli.runs.optimization.robustness_curve_files import (
    PICTURE_NAME,
    TABLE_NAME,
    write_robustness,
)

RADII = (1 / 255, 2 / 255, 4 / 255)
OUTCOMES = [
    Outcome("success", 1 / 255, radius=1 / 255),
    Outcome("success", 4 / 255, radius=4 / 255),
    Outcome("failed"),
    Outcome("already"),
]


def summarize(name="pgd", radii=RADII, outcomes=OUTCOMES, goal=None, **settings):
    settings = {"leaves_class": True, "norm": "inf", "in_pixels": True, **settings}
    return SearchSummary(name, "auto", outcomes, goal or name, radii=radii, **settings)


def read(out):
    with (out / TABLE_NAME).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_a_row_for_each_radius(tmp_path):
    write_robustness(tmp_path, [summarize()], overwrite=False)
    rows = read(tmp_path)
    assert [float(row["eps"]) for row in rows] == list(RADII)
    assert [row["robust"] for row in rows] == ["2", "2", "1"]
    assert {(row["samples"], row["right"]) for row in rows} == {("4", "3")}
    assert [float(row["robust_accuracy"]) for row in rows] == [0.5, 0.5, 0.25]
    assert all(float(row["low"]) <= float(row["robust_accuracy"]) for row in rows)
    with Image.open(tmp_path / PICTURE_NAME) as picture:
        assert picture.format == "PNG"


def test_an_attack_without_radii_is_shown_at_those_of_the_others(tmp_path):
    nearest = summarize("deepfool", radii=())
    other_norm = summarize("deepfool-2", radii=(), norm="2")
    write_robustness(tmp_path, [summarize(), nearest, other_norm], overwrite=False)
    assert [row["method"] for row in read(tmp_path)] == ["pgd"] * 3 + ["deepfool"] * 3


@pytest.mark.parametrize(
    "summaries",
    [[], [summarize(radii=(8 / 255,))], [summarize(leaves_class=False)], [summarize(radii=())]],
)
def test_a_run_over_one_radius_writes_none(tmp_path, summaries):
    write_robustness(tmp_path, summaries, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_it_replaces_its_own_files_and_no_others(tmp_path):
    write_robustness(tmp_path, [summarize()], overwrite=False)
    before = (tmp_path / TABLE_NAME).read_bytes()
    write_robustness(tmp_path, [summarize(outcomes=OUTCOMES[:2])], overwrite=False)
    assert (tmp_path / TABLE_NAME).read_bytes() != before
    (tmp_path / TABLE_NAME).write_text("mine\n")
    with pytest.raises(StorageError, match="no run of inputgrad"):
        write_robustness(tmp_path, [summarize()], overwrite=False)
    assert (tmp_path / TABLE_NAME).read_text() == "mine\n"
    write_robustness(tmp_path, [summarize()], overwrite=True)
    assert (tmp_path / TABLE_NAME).read_bytes() == before


def list_codes(*summaries):
    return [code for code, _ in yield_masking_signs(summaries)]


def test_many_steps_that_find_less_than_one_are_a_sign_of_masking():
    weak = summarize("pgd", outcomes=[Outcome("failed")] * 3)
    strong = summarize("fgsm", outcomes=[Outcome("success"), *[Outcome("failed")] * 2])
    assert list_codes(weak, strong) == ["masked-steps"]
    assert list_codes(strong, summarize("pgd", outcomes=strong.outcomes)) == []
    assert list_codes(weak, summarize("fgsm", radii=RADII[:1], outcomes=strong.outcomes)) == []


def test_zero_gradients_are_a_sign_of_masking_if_they_are_many():
    stuck = [Outcome("failed", stop="zero-gradient")]
    assert list_codes(summarize(outcomes=stuck + [Outcome("success")] * 9)) == [
        "masked-zero-gradients"
    ]
    assert list_codes(summarize(outcomes=stuck + [Outcome("success")] * 99)) == []


def test_what_is_right_at_half_of_the_range_is_a_sign_of_masking():
    assert list_codes(summarize(radii=(0.5,))) == ["masked-large-radius"]
    assert list_codes(summarize(radii=(0.5,), in_pixels=False)) == []
    assert list_codes(summarize(radii=(0.5,), norm="2")) == []
