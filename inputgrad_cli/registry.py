"""Registers dataclasses by name, and builds instances from expressions `name:key=value`.

The fields of a registered frozen dataclass are its parameters. The help text and the range of a
parameter are in the metadata of its field.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from inputgrad_cli.errors import UsageError
from inputgrad_cli.expression_parser import Call, Word, parse
from inputgrad_cli.spelling_suggestions import format_advice, suggest

# Names that other tools use, by the names of the parameters here.
OTHER_WORDS = {
    "n_steps": ("steps",), "num_steps": ("steps",), "m_steps": ("steps",),
    "iterations": ("steps", "samples"), "n": ("samples", "steps"),
    "n_samples": ("samples",), "num_samples": ("samples",), "nsamples": ("samples",),
    "std": ("noise", "std"), "stdev": ("noise", "std"), "sigma": ("sigma", "noise"),
    "stddev": ("noise", "std"), "noise_level": ("noise",), "stdevs": ("noise",),
    "layer_name": ("layer",), "target_layer": ("layer",), "conv_layer": ("layer",),
    "method": ("of",), "inner": ("of",), "size": ("patch", "grid"),
    "patch_size": ("patch",), "window": ("patch",),
}  # fmt: skip

T = TypeVar("T")
C = TypeVar("C", bound=type[Any])


def declare_parameter(
    default: Any,
    help: str,  # noqa: A002 - the word that click and argparse use
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Iterable[str] = (),
) -> Any:
    """Return a dataclass field with a help text and a range."""
    data = {"help": help, "least": minimum, "most": maximum, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=data)


class Registry(Generic[T]):
    """Frozen dataclasses by name; `noun` is the word for one of them in messages.

    A class may have `aliases`, other words that people use for it. They are never accepted, but the
    error suggests the name. `listing` says where all names can be read; if it is empty, errors list
    them.
    """

    def __init__(self, noun: str, listing: str = "") -> None:
        self.noun = noun
        self._listing = listing
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: C) -> C:
        """Register a class that has a `name`, and return it, so that this works as a decorator.

        Raises TypeError for one that lacks a value which its base class declares without one.
        """
        missing = [
            name
            for base in cls.__mro__
            for name, kind in vars(base).get("__annotations__", {}).items()
            if "ClassVar" in str(kind) and not hasattr(cls, name)
        ]
        if missing:
            raise TypeError(f"{self.noun} {cls.__name__} does not define {', '.join(missing)}")
        self._classes[cls.name] = cls
        return cls

    def __iter__(self) -> Iterator[type[T]]:
        return iter(self._classes.values())

    def list_names(self) -> list[str]:
        """Return the names, in the order of registration."""
        return list(self._classes)

    def get(self, name: str) -> type[T]:
        """Return the class called `name`; raise a UsageError that suggests similar names."""
        if name in self._classes:
            return self._classes[name]
        raise UsageError(f"there is no {self.noun} {name!r}", hint=self._suggest(name))

    def build(self, text: str | Call, ignore: Iterable[str] = ()) -> T:
        """Build an instance from an expression; keys in `ignore` are skipped."""
        call = parse(text) if isinstance(text, str) else text
        if call.name.text not in self._classes:
            name = call.name
            raise call.build_error(
                f"there is no {self.noun} {name.text!r}", name, self._suggest(name.text)
            )
        cls = self._classes[call.name.text]
        fields = {f.name: f for f in list_parameters(cls)}
        values = {}
        for key, (word, value) in call.args.items():
            # Such keys are read by the caller, as the label of a method is.
            if key in ignore:
                continue
            if key not in fields:
                known_names = ", ".join(fields) or "no parameters"
                hint = format_advice(suggest(key, fields, OTHER_WORDS), f"it has: {known_names}")
                raise call.build_error(f"{call.name.text} has no parameter {key!r}", word, hint)
            values[key] = _convert(call, fields[key], value, typing.get_type_hints(cls)[key])
        try:
            return cls(**values)
        except UsageError as error:
            # The class knows only the values, and not what the user wrote.
            error.received = error.received or call.source
            raise

    def build_labelled(self, text: str, option: str) -> tuple[T, str]:
        """Build an instance, and return its name in file names too: `as=LABEL`, or its own.

        `option` is what users typed the expression for.
        """
        call = parse(text)
        value = self.build(call, ignore=("as",))
        label = call.args["as"][1].text if "as" in call.args else call.name.text
        # A label with a slash would lead to another folder, and with a dot to a hidden file.
        if "/" in label or label.startswith(".") or not label.isprintable():
            raise UsageError(f"{option} {text}: {label!r} cannot be part of a file name")
        return value, label

    def list_aliases(self) -> dict[str, list[str]]:
        """Return the names that each alias stands for."""
        names: dict[str, list[str]] = {}
        for name, cls in self._classes.items():
            for word in vars(cls).get("aliases", ()):  # a subclass goes by words of its own
                names.setdefault(word, []).append(name)
        return names

    def _suggest(self, name: str) -> str:
        listing = self._listing or "known: " + ", ".join(self._classes)
        return format_advice(suggest(name, self._classes, self.list_aliases()), listing)


def list_parameters(cls: type[Any]) -> list[dataclasses.Field[Any]]:
    """Return the fields of `cls` that a caller can set."""
    return [f for f in dataclasses.fields(cls) if f.init]


def get_summary(cls: type[Any]) -> str:
    """Return the first line of the docstring."""
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]


def _convert(call: Call, field: dataclasses.Field[Any], word: Word, hint: Any) -> Any:
    kind = _strip_optional(hint)
    parsers: dict[Any, tuple[Callable[[str], Any], str]] = {
        int: (int, "a whole number"),
        float: (float, "a number"),
        bool: (_parse_boolean, "true or false"),
    }
    parse_text, expected = parsers.get(kind, (str, "text"))
    try:
        value = parse_text(word.text)
    except ValueError:
        raise call.build_error(f"{field.name} must be {expected}", word) from None
    _check_range(call, field, word, value)
    return value


def _check_range(call: Call, field: dataclasses.Field[Any], word: Word, value: Any) -> None:
    meta = field.metadata
    if meta.get("choices") and value not in meta["choices"]:
        raise call.build_error(f"{field.name} must be one of {', '.join(meta['choices'])}", word)
    # NaN would pass the comparisons with a range.
    if isinstance(value, float) and value != value:
        raise call.build_error(f"{field.name} must be a number", word)
    if meta.get("least") is not None and value < meta["least"]:
        raise call.build_error(f"{field.name} must be at least {meta['least']:g}", word)
    if meta.get("most") is not None and value > meta["most"]:
        raise call.build_error(f"{field.name} must be at most {meta['most']:g}", word)


def _strip_optional(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _parse_boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]
