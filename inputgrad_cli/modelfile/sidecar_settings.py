"""Reads and writes `MODEL.inputgrad.toml` next to a model: settings that its file cannot hold."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inputgrad_cli.data.preprocessing import ASSUMED, Preprocess, parse_preprocess
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.bounded_text_reading import read_small_file
from inputgrad_cli.modelfile.unsafe_name_checks import (
    MAX_CLASS_NAME_LENGTH,
    is_class_name,
    is_printable_text,
)
from inputgrad_cli.option_choices import SHOWN, to_printable

ENDING = ".inputgrad.toml"
MAX_SHOWN_LENGTH = 200  # characters of a value shown in errors
MAX_DOTS = 1000  # outside texts; the time to parse a dotted key grows with its parts
TEXT_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


@dataclass(frozen=True)
class Sidecar:
    """The settings of the file; `labels` is a list of names, or the path of a file of names.

    `inputs` maps the user's names of inputs to the model's. `class_order` gives the label of each
    class: class i is called `labels[class_order[i]]`. `columns` are the table columns that feed a
    vector, in its order. `show` has what the maps of an input are shown as, one of `SHOWN`.
    """

    path: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | Path | None = None
    class_order: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    show: Mapping[str, str] = field(default_factory=dict)

    def order_labels(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the labels in the order of the model's classes; UsageError if they do not fit."""
        if not self.class_order:
            return labels
        if not labels:
            raise _make_key_error(
                self.path, "class_order", "is the order of labels, and there are none"
            )
        if sorted(self.class_order) != list(range(len(labels))):
            raise _make_key_error(
                self.path,
                "class_order",
                f"must name each of the {len(labels)} labels once, by its number from 0",
            )
        return tuple(labels[index] for index in self.class_order)

    def resolve_input_name(self, name: str) -> str:
        """Return the model's name of an input; `name` is that name or the user's."""
        return self.inputs.get(name, name)


def get_sidecar_path(model: Path) -> Path:
    """Return the path of a model's sidecar."""
    return model.with_name(model.stem + ENDING)


def read_sidecar(model: Path) -> Sidecar | None:
    """Return the sidecar of a model, None if there is none; UsageError names file and key."""
    path = get_sidecar_path(model)
    if not path.is_file():
        return None
    text = read_small_file(path)
    if TEXT_OR_COMMENT.sub("", text).count(".") > MAX_DOTS:
        raise UsageError(f"{path}: cannot be read", reason="it has too many dotted keys")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{path}: cannot be read", reason="it is nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        reason = (str(error).splitlines() or [""])[0]
        raise UsageError(f"{path}: cannot be read", reason=to_printable(reason[:200])) from None
    except ValueError:  # Python's own, for a number of thousands of digits
        raise UsageError(f"{path}: cannot be read", reason="it has too long a number") from None
    for key, word in _walk_texts(table):
        if not is_printable_text(word.replace("\t", " ")):
            raise _make_key_error(path, key, "has a control character", f"it is {word[:40]!a}")
    return _parse_sidecar(path, table)


def _walk_texts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield pairs of key and text for every text of the settings, including the keys."""
    stack: list[tuple[str, Any]] = list(table.items())
    while stack:
        key, value = stack.pop()
        if isinstance(value, Mapping):
            stack += [(key, item) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            stack += [(key, item) for item in value]
        elif isinstance(value, str):
            yield key, value


def _parse_sidecar(path: Path, table: Mapping[str, Any]) -> Sidecar:
    known = ("inputs", "preprocess", "labels", "class_order", "columns", "show")
    if unknown := [key for key in table if key not in known]:
        raise _make_key_error(path, unknown[0], "is not known", f"the keys are {', '.join(known)}")
    return Sidecar(
        path,
        _parse_inputs(path, table.get("inputs", {})),
        _parse_preprocess(path, table.get("preprocess")),
        _parse_labels(path, table.get("labels")),
        _parse_class_order(path, table.get("class_order", [])),
        _parse_columns(path, table.get("columns", [])),
        _parse_show(path, table.get("show", {})),
    )


def _make_key_error(path: Path, key: str, message: str, hint: str = "") -> UsageError:
    return UsageError(f"{path}: {to_printable(key[:MAX_SHOWN_LENGTH])!r} {message}", hint=hint)


def _parse_inputs(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _make_key_error(
            path, "inputs", "must be a table of texts", 'write yours = "the model\'s"'
        )
    if len(set(value.values())) < len(value):
        raise _make_key_error(path, "inputs", "gives one input two names")
    return dict(value)


def _parse_preprocess(path: Path, value: Any) -> Preprocess | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _make_key_error(path, "preprocess", "must be a text", 'as in preprocess = "torch"')
    try:
        chosen = parse_preprocess(value)
    except UsageError as error:
        raise _make_key_error(
            path, "preprocess", f"is {value[:MAX_SHOWN_LENGTH]!r}, which is not known", error.hint
        ) from None
    return None if chosen is None else replace(chosen, source="sidecar")


def _parse_labels(path: Path, value: Any) -> tuple[str, ...] | Path | None:
    if value is None:
        return None
    if isinstance(value, str) and value:
        return _resolve_labels_path(path, value)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _make_key_error(path, "labels", "must be a list of texts, or the name of a file")
    if long := next((name for name in value if not is_class_name(name)), None):
        message = f"has a name of more than {MAX_CLASS_NAME_LENGTH} characters"
        raise _make_key_error(path, "labels", message, f"it begins with {long[:40]!a}")
    return tuple(value)


def _resolve_labels_path(path: Path, name: str) -> Path:
    """Return the path of the labels file; UsageError if it is outside the model's folder.

    Settings come with the model, perhaps from a stranger, so they must not read other files.
    """
    folder = os.path.realpath(path.parent)
    if "\0" in name or not os.path.realpath(os.path.join(folder, name)).startswith(folder + "/"):
        raise _make_key_error(
            path,
            "labels",
            f"is {to_printable(name[:MAX_SHOWN_LENGTH])!r}, "
            "which does not lie in the folder of the model",
            "put the file there, or give it with --labels",
        )
    return path.parent / name


def _parse_class_order(path: Path, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(index) is int for index in value):
        raise _make_key_error(path, "class_order", "must be a list of whole numbers")
    return tuple(value)


def _parse_columns(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise _make_key_error(path, "columns", "must be a list of texts", 'as in columns = ["age"]')
    if len(set(value)) < len(value):
        raise _make_key_error(path, "columns", "names one column twice")
    return tuple(name.strip() for name in value)


def _parse_show(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(kind, str) for kind in value.values()):
        raise _make_key_error(path, "show", "must be a table of texts", 'write input = "signal"')
    for name, kind in value.items():
        if kind not in SHOWN:
            hint = f"{kind[:MAX_SHOWN_LENGTH]!r} is none of {', '.join(SHOWN)}"
            raise _make_key_error(path, f"show.{name}", "is not known", hint)
    return dict(value)


def write_sidecar(
    model: Path,
    inputs: tuple[InputSpec, ...],
    preprocess: Preprocess | None,
    labels: tuple[str, ...],
) -> Path:
    """Write a new sidecar with comments and return its path; UsageError if there is one already."""
    path = get_sidecar_path(model)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_format_sidecar(model, inputs, preprocess, labels))
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="edit it, or remove it first") from None
    return path


def _format_sidecar(
    model: Path,
    inputs: tuple[InputSpec, ...],
    preprocess: Preprocess | None,
    labels: tuple[str, ...],
) -> str:
    lines = [
        f"# What the file {model.name} cannot tell of itself. Options on the command line win.",
        "",
        "# From pixels 0..255 to what the model takes:",
        '# "raw", "unit", "tf", "caffe", "torch", or "mean=M;M;M,std=S;S;S" of pixels 0..1.',
    ]
    if preprocess is None or preprocess.source == ASSUMED:
        lines.append('# preprocess = "unit"')
    else:
        lines.append(f"preprocess = {_quote(preprocess.name)}  # found: {preprocess.source}")
    lines += ["", "# Class names, in the order of the classes; or the name of a file beside this:"]
    if labels:
        lines += ["labels = [", *(f"    {_quote(label)}," for label in labels), "]"]
    else:
        lines.append('# labels = ["cat", "dog"]')
    lines += ["# Class i is called labels[class_order[i]]:", "# class_order = [0, 1]", ""]
    lines += ["# The columns of a table that feed a vector, in its order:"]
    lines += ['# columns = ["age", "income"]', ""]
    lines += ["# Names of your own for the inputs, for -i and --wrt: yours = the model's name.", ""]
    lines.append("[inputs]")
    lines += [f"# {_format_key(spec.name)} = {_quote(spec.name)}  # {spec}" for spec in inputs]
    lines += ["", "# What pictures show an input as, where its shape does not tell:", "", "[show]"]
    lines += [f'# {_format_key(spec.name)} = "signal"' for spec in inputs]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """Return a TOML basic string; quotes, backslashes and unprintable characters are escaped."""
    return (
        '"'
        + "".join(
            f"\\u{ord(c):04x}" if c in '"\\' or (not c.isprintable() and ord(c) < 0x10000) else c
            for c in text
        )
        + '"'
    )


def _format_key(text: str) -> str:
    return text if text.replace("_", "").isalnum() and text.isascii() else _quote(text)
