"""Ways to damage the records of a run: every field that the schema describes."""

import hashlib
import json
import types
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NotRequired, Union, get_args, get_origin, is_typeddict

from inputgrad_cli.schema.json_type_checks import _resolve_hints

GONE = object()
SURROGATE, NUL, FAR = "\ud800", "a\0b", 10**30
VALUES = (
    *(None, True, 0, -1, 1, FAR, -FAR, 0.5, 1e308, 10**400),
    *("", "x", NUL, SURROGATE, "/etc/passwd", "../outside/x", ".", "a//b", "y" * 5000, "0" * 64),
    *([], [0], [None], [[1]], [FAR], {}, {"x": 0}, {"value": 0}),
)


CODES = {0, 1, 2, 3, 5}  # that a command on a damaged run may end with
OUTSIDE = "outside"  # the folder beside a run that nothing of it may open
OPENED = []  # what was opened there all the same


def note_outside(event, args):
    """Note what is opened outside: an audit hook."""
    if event == "open" and OUTSIDE in str(args[0]):
        OPENED.append(args[0])


def outside(folder):
    """Return the files that stand outside a run, to compare them."""
    return {p: p.read_bytes() for p in (folder / OUTSIDE).rglob("*") if p.is_file()}


@dataclass(frozen=True)
class Field:
    """A field of a record: the way to it, and whether a record must have it."""

    path: tuple[str, ...]
    required: bool


def fields_of(kind, path=()):
    """Yield the fields of a record and those of the records in it, `0` for the first of a list."""
    for key, hint in _resolve_hints(kind).items():
        optional = get_origin(hint) is NotRequired
        inner = get_args(hint)[0] if optional else hint
        yield Field((*path, key), not optional)
        yield from _within(inner, (*path, key))


def _within(kind, path):
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _within(args[0], path)
    elif origin in (Union, types.UnionType):
        for part in args:
            yield from _within(part, path)
    elif is_typeddict(origin or kind):
        yield from fields_of(kind, path)
    elif origin is list:
        yield from _within(args[0], (*path, "0"))
    elif origin is dict:
        yield from _within(args[1], (*path, "*"))


def put(value, path, new):
    """Return a JSON value with `new` at a path; GONE takes the key away, `*` is the first key."""
    if not path:
        return new
    head, *rest = path
    if isinstance(value, list):
        changed, key = list(value), int(head)
    else:
        changed, key = dict(value), next(iter(value)) if head == "*" else head
    if new is GONE and not rest:
        del changed[key]
    else:
        changed[key] = put(changed[key] if rest else None, rest, new)
    return changed


def has(value, path):
    """Return whether a record has a field."""
    try:
        put(value, path, GONE)
    except (KeyError, IndexError, TypeError, StopIteration, ValueError):
        return False
    return True


def change_lines(out: Path, change) -> None:
    """Put every line of a run's journals through `change`."""
    for file in sorted(out.glob("journal*.jsonl")):
        rows = [change(json.loads(line)) for line in file.read_bytes().splitlines()]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def change_runs(out: Path, change) -> None:
    """Put every `run.json` through `change`."""
    for file in sorted(out.glob("run*.json")):
        file.write_text(json.dumps(change(json.loads(file.read_bytes()))))


def change_members(out: Path, change) -> None:
    """Put the members of every result through `change`; the journal agrees, as an attacker's."""
    for file in sorted(out.rglob("*.npz")):
        with zipfile.ZipFile(file) as source:
            members = {info.filename: source.read(info) for info in source.infolist()}
        with zipfile.ZipFile(file, "w") as target:
            for name, data in change(members).items():
                target.writestr(name, data)
    agree(out)


def change_metadata(out: Path, change) -> None:
    """Put what every result says of itself through `change`; the journal agrees."""

    def members(old):
        record = json.loads(old["metadata.json"])
        try:
            return {**old, "metadata.json": json.dumps(change(record))}
        except (KeyError, IndexError, StopIteration, TypeError):  # it has no such field
            return old

    change_members(out, members)


def at_home(out: Path) -> None:
    """Let the sources of a run that was copied stand beside it."""
    change_runs(out, lambda run: {**run, "directory": str(out.parent)})


def agree(out: Path) -> None:
    """Write into the journal the sizes and hashes that its files have."""

    def line(row):
        for file in row.get("files", ()):
            data = (out / file["path"]).read_bytes()
            file.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        return row

    change_lines(out, line)
