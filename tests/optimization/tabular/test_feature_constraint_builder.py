"""What is known of features: from rows, from the lines of a file, from names."""

import numpy as np
import pytest

from inputgrad_cli.data.feature_constraints import Feature, FeatureRange, Features
from inputgrad_cli.errors import UsageError
from inputgrad_cli.optimization.tabular.feature_constraint_builder import (
    build_features,
    freeze_features,
    measure_features,
    name_columns,
    narrow_features,
)

NAMES = ["age", "income", "cold", "rare", "constant"]


def rows():
    rng = np.random.default_rng(5)
    table = np.zeros((101, 5))
    table[:, 0] = np.arange(101)
    table[:, 1] = rng.normal(size=101)
    table[:, 2] = rng.normal(size=101)
    table[:10, 3] = 1
    table[:, 4] = 7
    table[3, 2] = np.nan
    return table


def refuse(call, *args):
    with pytest.raises(UsageError) as caught:
        call(*args)
    return caught.value.format_line()


def test_ranges_kinds_and_costs_are_those_of_the_rows():
    features = measure_features(NAMES, rows()).columns
    age, income, cold, rare, constant = features
    assert (age.low, age.high, age.kind) == (0, 100, "integer")
    assert age.unit_cost == pytest.approx(1 / 25)  # the median distance from 50
    values = rows()[:, 1]
    assert income.unit_cost == pytest.approx(1 / np.median(np.abs(values - np.median(values))))
    assert (income.kind, income.low) == ("number", values.min())
    assert np.isfinite([cold.low, cold.high, cold.unit_cost]).all()  # without the NaN
    assert rare.unit_cost == pytest.approx(1 / rows()[:, 3].std())  # its MAD is 0
    assert constant.frozen
    assert not any(feature.frozen for feature in features[:4])


def test_a_file_wins_over_the_rows_and_unfreezes():
    features = measure_features(NAMES, rows())
    ranges = [
        FeatureRange("age", "r.csv:2", {"low": 18.0, "direction": "up"}),
        FeatureRange("constant", "r.csv:3", {"low": 0.0, "high": 10.0}),
    ]
    columns = narrow_features(features, ranges).columns
    assert (columns[0].low, columns[0].high, columns[0].direction) == (18, 100, "up")
    assert not columns[4].frozen
    assert columns[4].unit_cost == pytest.approx(0.1)  # of the range, as no row varies
    assert columns[1] == features.columns[1]


def test_a_cost_is_that_of_the_range_without_rows_and_1_without_both():
    assert Feature("a", 2, 6).unit_cost == 0.25
    assert Feature("a", 2).unit_cost == 1
    assert Feature("a", 2, 6, group="g").unit_cost == 0.125  # a move changes two columns
    assert Feature("a", 2, 2, cost=3).unit_cost == 3


def test_ranges_come_after_rows_and_names_that_freeze_come_last():
    ranges = [FeatureRange("age", "r.csv:2", {"high": 50.0})]
    features = build_features(NAMES, rows(), ranges, ["age", "cold"]).columns
    assert (features[0].low, features[0].high, features[0].frozen) == (0, 50, True)
    assert [feature.frozen for feature in features] == [True, False, True, False, True]
    assert build_features(["a"]).columns == (Feature("a"),)


def test_names_freeze_columns_and_whole_groups():
    features = Features((Feature("a"), Feature("b", group="g"), Feature("c", group="g")))
    assert [f.frozen for f in freeze_features(features, ["a"]).columns] == [True, False, False]
    assert [f.frozen for f in freeze_features(features, ["g"]).columns] == [False, True, True]


def test_mistakes_name_the_line_and_the_names_that_there_are():
    features = measure_features(NAMES, rows())
    line = refuse(narrow_features, features, [FeatureRange("incme", "r.csv:4", {})])
    assert line.startswith("r.csv:4: no feature is called 'incme'")
    assert "did you mean 'income'?" in line
    assert "age, income, cold" in line
    twice = [FeatureRange("age", f"r.csv:{n}", {}) for n in (2, 9)]
    assert refuse(narrow_features, features, twice).startswith("r.csv:9: feature 'age' is given")
    above = [FeatureRange("age", "r.csv:2", {"low": 200.0})]
    line = refuse(narrow_features, features, above)
    assert "low bound 200 above the high bound 100" in line
    assert "the other bound is the data's" in line
    alone = [FeatureRange("age", "r.csv:2", {"group": "g"})]
    assert "group 'g' has the single column 'age'" in refuse(narrow_features, features, alone)
    line = refuse(freeze_features, features, ["Age"])
    assert line.startswith("--freeze: no feature is called 'Age'")
    assert "did you mean 'age'?" in line
    double = Features((Feature("x"), Feature("x")))
    assert "several features are called 'x'" in refuse(freeze_features, double, ["x"])


def test_columns_are_named_by_the_header_the_input_or_their_position():
    assert name_columns({"f": (3,)}, ["a", "b", "c"]) == ["a", "b", "c"]
    assert name_columns({"f": (3,)}) == ["1", "2", "3"]
    assert name_columns({"age": (1,), "pay": ()}) == ["age", "pay"]
    assert name_columns({"a": (1,), "b": (2,)}) == ["a", "b.1", "b.2"]
