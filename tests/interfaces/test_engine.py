"""The engines of the tests keep to the protocol that methods are written for."""

import inspect

import pytest

from inputgrad_cli.interfaces.engine import Engine
from tests.formula_engines import Formula, Pictures, Spy, Wrapped
from tests.small_networks import Counting

MEMBERS = sorted(name for name in vars(Engine) if not name.startswith("_"))
ENGINES = (Wrapped, Spy, Pictures, Counting)


def names(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MEMBERS)
def test_an_engine_around_another_has_every_member_of_the_protocol(engine, name):
    """By its own name and parameters: what is asked by keyword reaches the engine inside too."""
    expected, member = vars(Engine)[name], inspect.getattr_static(engine, name)
    assert isinstance(member, property) == isinstance(expected, property)
    if not isinstance(expected, property):
        assert names(member) == names(expected)


@pytest.mark.parametrize("name", [name for name in MEMBERS if hasattr(Formula, name)])
def test_a_formula_takes_what_the_protocol_gives(name):
    expected = vars(Engine)[name]
    if not isinstance(expected, property):
        assert names(getattr(Formula, name)) == names(expected)


def test_what_is_asked_of_a_wrapped_engine_is_asked_of_the_one_inside():
    asked = []

    class Inside:
        def compute_layer(self, inputs, target, name):
            asked.append((inputs, target, name))
            return "a pass"

    assert Wrapped(Inside()).compute_layer({}, None, name="layer:maps") == "a pass"
    assert asked == [({}, None, "layer:maps")]
