"""A method that other code registers works in the command, in lists, and obeys the laws."""

import inspect
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.cli.commands.methods import _format_table
from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.describe.methods import format_methods_table, list_method_rows
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.registry import declare_parameter
from tests.methods import test_laws as laws

README = Path(__file__).parents[2] / "README.md"
LAWS = [
    law
    for name, law in vars(laws).items()
    if name.startswith("test_") and list(inspect.signature(law).parameters) == ["method"]
]


@pytest.fixture(autouse=True)
def corner_gradient(monkeypatch):
    """Register input minus baseline, times a mean of the gradients at both."""
    monkeypatch.setattr(methods, "_classes", dict(methods._classes))

    @methods.register
    @dataclass(frozen=True)
    class CornerGradient(Method):
        """Mean of the gradients at input and baseline, times input minus baseline."""

        name = "corner-gradient"
        family = "gradient"
        paper = ""  # it is nobody's yet
        aliases = ("trapezoid",)
        uses_clean_gradient = True
        linear_exact = "difference times gradient"

        weight: float = declare_parameter(0.5, "Weight of the input.", minimum=0, maximum=1)

        @property
        def uses_baseline(self):
            return True

        def attribute(self, engine, batch):
            clean = batch.compute_clean_gradients(engine)
            base = engine.compute_gradients(batch.baseline, batch.target, batch.sites)
            values = {}
            for site in batch.sites:
                mean = self.weight * clean.values[site] + (1 - self.weight) * base.values[site]
                values[site] = mean * (batch.inputs[site] - batch.baseline[site])
            return MethodResult(values, disconnected=clean.disconnected & base.disconnected)

    return CornerGradient


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_it_obeys_every_law(law, corner_gradient):
    law(corner_gradient())


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_the_example_of_the_readme_obeys_every_law(law):
    code = README.read_text().split("## Add a method")[1].split("```")[1]
    exec(code, names := {})
    method = names["InputXGradient"]()
    law(method)
    np.testing.assert_allclose(laws.values(method, laws.linear(laws.W), laws.X), laws.W * laws.X)


def test_words_without_a_formula_fail_the_law_of_linear_models_in_a_sentence(corner_gradient):
    corner_gradient.linear_exact = "mean slope times difference"
    with pytest.raises(pytest.fail.Exception, match="add it to LINEAR_VALUES"):
        laws.test_a_linear_model_is_explained_exactly(corner_gradient())


def test_there_are_laws():
    assert len(LAWS) >= 15


def test_the_command_runs_it_with_its_parameter(call, samples, tmp_path):
    words = [samples / "sequential.keras", samples / "inputs" / "sequential.npy"]
    asked = "corner-gradient:weight=1,as=corner"
    result = call("saliency", *words, "-m", asked, "-m", "input-x-gradient", "--json")
    assert result.code == 0
    out = tmp_path / "inputgrad-out"
    corner, product = (
        api.read(out / f"sequential.npy.{label}.npz") for label in ("corner", "input-x-gradient")
    )
    assert corner.metadata["method"]["parameters"] == {"weight": 1.0}
    for site, values in product.values.items():  # the baseline of an array is zero
        np.testing.assert_allclose(corner.values[site], values, rtol=1e-6)


def test_the_command_checks_its_parameter(call, samples):
    words = [samples / "sequential.keras", samples / "inputs" / "sequential.npy"]
    result = call("saliency", *words, "-m", "corner-gradient:weight=2")
    assert result.code == 2
    assert "weight must be at most 1" in result.err


def test_methods_lists_and_describes_it(call):
    assert "corner-gradient" in call("methods").out
    assert "corner-gradient" in [
        row["name"] for row in json.loads(call("methods", "--json").out)["methods"]
    ]
    page = call("methods", "corner-gradient").out
    assert page.startswith("corner-gradient (gradient family)\n")
    assert "Mean of the gradients at input and baseline" in page
    assert "weight" in page


def test_without_a_paper_it_has_an_empty_cell_in_the_table_of_methods():
    (line,) = [row for row in format_methods_table().split("\n") if "corner-gradient" in row]
    assert line.split("|")[1:] == [
        " `corner-gradient` ",
        " gradient ",
        " Mean of the gradients at input and baseline, times input minus baseline. ",
        "  ",
        "",
    ]


@pytest.mark.parametrize("width", [80, 250])
def test_without_a_paper_its_line_in_the_list_is_not_shifted(width):
    page = _format_table(list_method_rows(), width).split("\n")
    (line,) = [line for line in page if line.split()[:1] == ["corner-gradient"]]
    (other,) = [line for line in page if line.split()[:1] == ["input-x-gradient"]]
    column = other.index("arXiv:")
    assert line[column:].split()[:1] == (["-"] if width == 250 else [])


def test_a_method_must_say_that_it_has_no_paper():
    @dataclass(frozen=True)
    class Forgetful(Method):
        name = "forgetful"
        family = "gradient"

    with pytest.raises(TypeError, match="method Forgetful does not define paper"):
        methods.register(Forgetful)


def test_its_other_name_is_suggested(call):
    result = call("methods", "trapezoid")
    assert result.code == 2
    assert "corner-gradient" in result.err


def test_python_runs_it(samples):
    attribution = api.explain(
        samples / "sequential.keras", np.ones(10, "f4"), method="corner-gradient"
    )
    assert attribution.metadata["method"]["name"] == "corner-gradient"
