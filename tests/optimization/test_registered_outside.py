"""A goal that other code registers works in the command, in lists, and obeys the laws."""

import inspect
import json
from dataclasses import dataclass

import numpy as np
import pytest

import inputgrad_cli
from inputgrad_cli.interfaces.goal import Goal
from inputgrad_cli.optimization.best_point_and_trace import SearchLog
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.iteration_loop import run_steps
from inputgrad_cli.registry import declare_parameter
from tests.optimization import test_laws as laws
from tests.optimization.small_goals import Ascend

LAWS = [
    law
    for name, law in vars(laws).items()
    if name.startswith("test_") and list(inspect.signature(law).parameters) == ["goal"]
]


@pytest.fixture(autouse=True)
def stride(monkeypatch):
    """Register strides of one length, until the class is another."""
    monkeypatch.setattr(goals, "_classes", dict(goals._classes))

    @goals.register
    @dataclass(frozen=True)
    class Stride(Goal):
        """Point of another class, by strides of one length in the signs of the gradient."""

        name = "stride"
        family = "attack"
        paper = "arXiv:1412.6572"
        cost = "steps"
        leaves_class = True
        aliases = ("march",)

        length: float = declare_parameter(4.0, "Length of a stride.", minimum=0)
        steps: int = declare_parameter(12, "Number of strides.", minimum=1)

        def search(self, problem):
            log = SearchLog(problem)
            run_steps(log, Ascend(self.length, signs=True), steps=self.steps)
            return log.build_result()

    return Stride


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_it_obeys_every_law(law, stride):
    law(stride())


def test_there_are_laws():
    assert len(LAWS) >= 8


def test_the_command_runs_it_with_its_parameters(call, samples, tmp_path):
    words = ["optimize", samples / "shapes.keras", samples / "inputs/shapes/06-cross.png"]
    result = call(*words, "--goal", "stride:length=2,steps=3,as=march", "--json")
    assert result.code == 0
    stored = inputgrad_cli.read(tmp_path / "inputgrad-out/06-cross.png.march.npz")
    assert stored.metadata["method"]["name"] == "stride"
    assert stored.metadata["method"]["parameters"] == {"length": 2.0, "steps": 3}
    (change,) = (values for name, values in stored.values.items() if name.endswith(".change"))
    assert 0 < np.abs(change).max() <= 6  # three strides of two levels


def test_the_command_checks_its_parameters(call, samples):
    words = ["optimize", samples / "shapes.keras", samples / "inputs/shapes/06-cross.png"]
    result = call(*words, "--goal", "stride:steps=0")
    assert result.code == 2
    assert "steps must be at least 1" in result.err


def test_goals_are_listed_with_it(call):
    assert "stride (attack, arXiv:1412.6572)" in call("optimize", "--goals").out
    listed = json.loads(call("optimize", "--goals", "--json").out)["goals"]
    (row,) = (row for row in listed if row["name"] == "stride")
    assert [parameter["name"] for parameter in row["parameters"]] == ["length", "steps"]


def test_its_other_name_is_suggested(call, samples):
    result = call("optimize", samples / "shapes.keras", "x.png", "--goal", "march")
    assert result.code == 2
    assert "stride" in result.err


def test_python_runs_it(samples):
    result = inputgrad_cli.optimize(
        samples / "shapes.keras", samples / "inputs/shapes/06-cross.png", goal="stride:steps=2"
    )
    assert result.metadata["goal"]["name"] == "stride"
