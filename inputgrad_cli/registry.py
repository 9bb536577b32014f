"""A named set of things that register themselves, and turn a written call into a value.

What is registered is a frozen dataclass: its fields are its parameters. A field says its help and
its range in `field(metadata=...)`, made by `param`.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import Call, Word, parse
from inputgrad_cli.suggest import advice, suggest

# Words of other tools for parameters that go by fixed names here.
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


def param(
    default: Any,
    help: str,  # noqa: A002 - the word that click and argparse use
    *,
    least: float | None = None,
    most: float | None = None,
    choices: Iterable[str] = (),
) -> Any:
    """Return a dataclass field that knows its help text and its range."""
    data = {"help": help, "least": least, "most": most, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=data)


class Registry(Generic[T]):
    """Frozen dataclasses by name; `what` is the word for one of them in messages.

    A class may say `known_as`: other words that people use for it, which are suggested by its name
    and never taken for it. `listing` says where all names stand; unset, an error lists them.
    """

    def __init__(self, what: str, listing: str = "") -> None:
        self.what = what
        self._listing = listing
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: C) -> C:
        """Take in a class that has a `name`; return it, so that this serves as a decorator."""
        self._classes[cls.name] = cls
        return cls

    def __iter__(self) -> Iterator[type[T]]:
        return iter(self._classes.values())

    def names(self) -> list[str]:
        """Return the names, in the order of registration."""
        return list(self._classes)

    def get(self, name: str) -> type[T]:
        """Return the class called `name`; UsageError suggests the nearest."""
        if name in self._classes:
            return self._classes[name]
        raise UsageError(f"there is no {self.what} {name!r}", mend=self._suggest(name))

    def build(self, text: str | Call, ignore: Iterable[str] = ()) -> T:
        """Return the value that `text` writes; keys in `ignore` are another's business."""
        call = parse(text) if isinstance(text, str) else text
        if call.name.text not in self._classes:
            name = call.name
            raise call.wrong(
                f"there is no {self.what} {name.text!r}", name, self._suggest(name.text)
            )
        cls = self._classes[call.name.text]
        fields = {f.name: f for f in parameters(cls)}
        values = {}
        for key, (word, value) in call.args.items():
            if key in ignore:
                continue
            if key not in fields:
                known = ", ".join(fields) or "no parameters"
                mend = advice(suggest(key, fields, OTHER_WORDS), f"it has: {known}")
                raise call.wrong(f"{call.name.text} has no parameter {key!r}", word, mend)
            values[key] = _convert(call, fields[key], value, typing.get_type_hints(cls)[key])
        try:
            return cls(**values)
        except UsageError as error:
            error.received = error.received or call.source
            raise

    def aliases(self) -> dict[str, list[str]]:
        """Return the names that each other word stands for."""
        found: dict[str, list[str]] = {}
        for name, cls in self._classes.items():
            for word in vars(cls).get("known_as", ()):  # a subclass goes by words of its own
                found.setdefault(word, []).append(name)
        return found

    def _suggest(self, name: str) -> str:
        listing = self._listing or "known: " + ", ".join(self._classes)
        return advice(suggest(name, self._classes, self.aliases()), listing)


def parameters(cls: type[Any]) -> list[dataclasses.Field[Any]]:
    """Return the fields of `cls` that a caller may set."""
    return [f for f in dataclasses.fields(cls) if f.init]


def summary(cls: type[Any]) -> str:
    """Return the first line of the docstring."""
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]


def _convert(call: Call, field: dataclasses.Field[Any], word: Word, hint: Any) -> Any:
    kind = _plain(hint)
    readers: dict[Any, tuple[Callable[[str], Any], str]] = {
        int: (int, "a whole number"),
        float: (float, "a number"),
        bool: (_boolean, "true or false"),
    }
    read, wanted = readers.get(kind, (str, "text"))
    try:
        value = read(word.text)
    except ValueError:
        raise call.wrong(f"{field.name} must be {wanted}", word) from None
    _check_range(call, field, word, value)
    return value


def _check_range(call: Call, field: dataclasses.Field[Any], word: Word, value: Any) -> None:
    meta = field.metadata
    if meta.get("choices") and value not in meta["choices"]:
        raise call.wrong(f"{field.name} must be one of {', '.join(meta['choices'])}", word)
    if isinstance(value, float) and value != value:
        raise call.wrong(f"{field.name} must be a number", word)
    if meta.get("least") is not None and value < meta["least"]:
        raise call.wrong(f"{field.name} must be at least {meta['least']:g}", word)
    if meta.get("most") is not None and value > meta["most"]:
        raise call.wrong(f"{field.name} must be at most {meta['most']:g}", word)


def _plain(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]
