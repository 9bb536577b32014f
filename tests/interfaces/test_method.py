"""What a new method can say of itself is written where its author reads first."""

import re
from pathlib import Path

import pytest

import tests.formula_engines
import tests.methods
from inputgrad_cli.interfaces.method import Method

GUIDE = (
    (Path(__file__).parents[2] / "inputgrad_cli" / "methods" / "README.md")
    .read_text()
    .split("## Add a method")[1]
)
PROPERTIES = [name for name, value in vars(Method).items() if isinstance(value, property)]


@pytest.mark.parametrize("name", Method.__annotations__)
def test_every_class_value_is_explained(name):
    assert re.search(rf"^    - .*`{name}`.*: ", Method.__doc__, re.M)


@pytest.mark.parametrize("name", ["quantity", "per_input", "sign", "reduce", "multiplies_by_input"])
def test_the_guide_names_what_decides_how_a_map_is_shown(name):
    assert name in {*PROPERTIES, *Method.__annotations__}
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", ["linear", "quadratic", "relu", "product", "Spy"])
def test_the_models_that_the_guide_names_are_there(name):
    assert f"`{name}`" in GUIDE
    assert hasattr(tests.formula_engines, name)


@pytest.mark.parametrize("name", ["run", "W", "X"])
def test_the_helpers_that_the_guide_names_are_there(name):
    assert f"`{name}`" in GUIDE
    assert hasattr(tests.methods, name)
