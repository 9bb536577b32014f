"""`MODEL.inputgrad.toml` next to a model: what its file cannot tell, settled for good."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inputgrad_cli.choices import printable
from inputgrad_cli.data.preprocessing import ASSUMED, Preprocess, parse
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.name_checks import is_plain
from inputgrad_cli.modelfile.small_files import read_small

ENDING = ".inputgrad.toml"
MOST_SHOWN = 200  # letters of what the file says
MOST_DOTS = 1000  # outside of texts: each key of many parts is walked from its start
UNBARE = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


@dataclass(frozen=True)
class Sidecar:
    """What stands in the file; `labels` is a list of names, or the path of a file of them.

    `inputs` gives the model's name of an input for each name of the user's own. `class_order`
    says which label each class has: class i is called `labels[class_order[i]]`. `columns` are those
    of a table that feed a vector, in its order.
    """

    path: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | Path | None = None
    class_order: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()

    def ordered(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the labels in the order of the model's classes; UsageError if they do not fit."""
        if not self.class_order:
            return labels
        if sorted(self.class_order) != list(range(len(labels))):
            raise _wrong(
                self.path,
                "class_order",
                f"must name each of the {len(labels)} labels once, by its number from 0",
            )
        return tuple(labels[number] for number in self.class_order)

    def name_of(self, word: str) -> str:
        """Return the model's name of an input that the user may call by a name of his own."""
        return self.inputs.get(word, word)


def sidecar_path(model: Path) -> Path:
    """Return where the sidecar of a model stands."""
    return model.with_name(model.stem + ENDING)


def read_sidecar(model: Path) -> Sidecar | None:
    """Return the sidecar of a model, None where there is none; UsageError names file and key."""
    path = sidecar_path(model)
    if not path.is_file():
        return None
    text = read_small(path)
    if UNBARE.sub("", text).count(".") > MOST_DOTS:
        raise UsageError(f"{path}: cannot be read", reason="it has too many dotted keys")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise UsageError(f"{path}: cannot be read", reason=printable(reason[:200])) from None
    for key, word in _texts(table):
        if not is_plain(word.replace("\t", " ")):
            raise _wrong(path, key, "has a control character", f"it is {word[:40]!a}")
    return _sidecar(path, table)


def _texts(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every text of the settings with the key above it, the keys themselves included."""
    stack: list[tuple[str, Any]] = list(table.items())
    while stack:
        key, value = stack.pop()
        if isinstance(value, Mapping):
            stack += [(key, item) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            stack += [(key, item) for item in value]
        elif isinstance(value, str):
            yield key, value


def _sidecar(path: Path, table: Mapping[str, Any]) -> Sidecar:
    known = ("inputs", "preprocess", "labels", "class_order", "columns")
    if unknown := [key for key in table if key not in known]:
        raise _wrong(path, unknown[0], "is not known", f"the keys are {', '.join(known)}")
    return Sidecar(
        path,
        _inputs(path, table.get("inputs", {})),
        _preprocess(path, table.get("preprocess")),
        _labels(path, table.get("labels")),
        _class_order(path, table.get("class_order", [])),
        _columns(path, table.get("columns", [])),
    )


def _wrong(path: Path, key: str, what: str, mend: str = "") -> UsageError:
    return UsageError(f"{path}: {printable(key[:MOST_SHOWN])!r} {what}", mend=mend)


def _inputs(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise _wrong(path, "inputs", "must be a table of texts", 'write yours = "the model\'s"')
    if len(set(value.values())) < len(value):
        raise _wrong(path, "inputs", "gives one input two names")
    return dict(value)


def _preprocess(path: Path, value: Any) -> Preprocess | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(path, "preprocess", "must be a text", 'as in preprocess = "torch"')
    try:
        chosen = parse(value)
    except UsageError as error:
        raise _wrong(
            path, "preprocess", f"is {value[:MOST_SHOWN]!r}, which is not known", error.mend
        ) from None
    return None if chosen is None else replace(chosen, source="sidecar")


def _labels(path: Path, value: Any) -> tuple[str, ...] | Path | None:
    if value is None:
        return None
    if isinstance(value, str) and value:
        return _inside(path, value)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise _wrong(path, "labels", "must be a list of texts, or the name of a file")
    return tuple(value)


def _inside(path: Path, name: str) -> Path:
    """Return the path of a file that the settings name; UsageError outside the model's folder.

    A model and its settings come from the same hands: these may not read other files.
    """
    folder = os.path.realpath(path.parent)
    if "\0" in name or not os.path.realpath(os.path.join(folder, name)).startswith(folder + "/"):
        raise _wrong(
            path,
            "labels",
            f"is {printable(name[:MOST_SHOWN])!r}, which does not lie in the folder of the model",
            "put the file there, or give it with --labels",
        )
    return path.parent / name


def _class_order(path: Path, value: Any) -> tuple[int, ...]:
    whole = isinstance(value, list) and all(type(number) is int for number in value)
    if not whole:
        raise _wrong(path, "class_order", "must be a list of whole numbers")
    return tuple(value)


def _columns(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise _wrong(path, "columns", "must be a list of texts", 'as in columns = ["age"]')
    if len(set(value)) < len(value):
        raise _wrong(path, "columns", "names one column twice")
    return tuple(name.strip() for name in value)


def write_sidecar(
    model: Path, inputs: tuple[Port, ...], preprocess: Preprocess | None, labels: tuple[str, ...]
) -> Path:
    """Return the path of a new sidecar, with comments; UsageError where one stands already."""
    path = sidecar_path(model)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(model, inputs, preprocess, labels))
    except FileExistsError:
        raise UsageError(f"{path} exists already", mend="edit it, or remove it first") from None
    return path


def _text(
    model: Path, inputs: tuple[Port, ...], preprocess: Preprocess | None, labels: tuple[str, ...]
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
        lines.append(f"preprocess = {_quoted(preprocess.name)}  # found: {preprocess.source}")
    lines += ["", "# Class names, in the order of the classes; or the name of a file beside this:"]
    if labels:
        lines += ["labels = [", *(f"    {_quoted(label)}," for label in labels), "]"]
    else:
        lines.append('# labels = ["cat", "dog"]')
    lines += ["# Class i is called labels[class_order[i]]:", "# class_order = [0, 1]", ""]
    lines += ["# The columns of a table that feed a vector, in its order:"]
    lines += ['# columns = ["age", "income"]', ""]
    lines += ["# Names of your own for the inputs, for -i and --wrt: yours = the model's name.", ""]
    lines.append("[inputs]")
    lines += [f"# {_bare(port.name)} = {_quoted(port.name)}  # {port}" for port in inputs]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a TOML basic string; every character that is not plain is escaped."""
    return (
        '"'
        + "".join(
            f"\\u{ord(c):04x}" if c in '"\\' or (not c.isprintable() and ord(c) < 0x10000) else c
            for c in text
        )
        + '"'
    )


def _bare(text: str) -> str:
    return text if text.replace("_", "").isalnum() and text.isascii() else _quoted(text)
