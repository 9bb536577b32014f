"""The registry: what is registered is complete, or refused with what it lacks."""

from typing import ClassVar

import pytest

from inputgrad_cli.registry import Registry


class Base:
    name: ClassVar[str]
    family: ClassVar[str]
    reduce: ClassVar[str] = "sum"


def test_a_class_without_a_declared_value_is_refused_by_its_name():
    registry: Registry[Base] = Registry("method", "hint")
    with pytest.raises(TypeError, match="method Half does not define family"):

        @registry.register
        class Half(Base):
            name = "half"

    assert list(registry) == []


def test_a_complete_class_is_registered():
    registry: Registry[Base] = Registry("method", "hint")

    @registry.register
    class Whole(Base):
        name, family = "whole", "gradient"

    assert registry.get("whole") is Whole
