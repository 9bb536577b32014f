"""Lists the facts of a run for a report: the call, the model, the methods, the settings."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inputgrad_cli.rendering.label_formatting import ELLIPSIS
from inputgrad_cli.report.path_and_number_formatting import MAX_TEXT, Cleaner
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.run_directory import RunDirectory

VERSIONS = ("inputgrad", "tensorflow", "keras", "numpy", "python")
MAX_CALL = 4 * MAX_TEXT  # characters of the command line
# These have lines of their own, or say where files are on this machine.
SHOWN_ELSEWHERE = ("model", "inputs", "method", "goal", "out", "target", "seed")
# A path alone, behind a short option, or behind an equals sign, as in `-o/tmp/a` and `x=/tmp/a`.
ABSOLUTE_PATH = re.compile(r"(?P<before>-[A-Za-z]|[^/\s]*=)?(?:file://)?(?P<path>~?/.*)", re.S)
DEFAULT = "default"  # the source of an option that nobody has set


def list_facts(directory: RunDirectory, cleaner: Cleaner) -> list[tuple[str, str]]:
    """Return what was run, as pairs of a name and a text; it has no time, host or folder."""
    run = directory.get_run("")
    if run is None:
        return []
    facts = [
        (name, cleaner.clean(text, MAX_CALL if name == "command" else MAX_TEXT))
        for name, text in _yield_facts(run)
        if text
    ]
    return facts + (
        [("shards", f"{len(directory.runs)} of a run")] if len(directory.runs) > 1 else []
    )


def _yield_facts(run: RunRecord) -> Iterator[tuple[str, str]]:
    options: JsonObject = {**run["options"]}
    yield "command", " ".join(["inputgrad", *map(_quote_word, run.get("argv", ()))])
    yield "model", os.path.basename(run["model"]["path"])
    yield "SHA-256 of the model", run["model"]["sha256"]
    inputs = [f"{i['name']} {_format_shape(i['shape'])}" for i in run["signature"]["inputs"]]
    yield "model inputs", ", ".join(inputs)
    yield "methods", _format_value(_get_value(options, "method"))
    yield "goals", _format_value(_get_value(options, "goal"))
    yield "targets", _format_value(_get_value(options, "target"))
    yield "preprocessing", _describe_pixels(run)
    yield "seed", _format_value(_get_value(options, "seed"))
    yield "other options", ", ".join(_yield_settings(options))
    versions = run.get("versions", {})
    yield "versions", ", ".join(f"{n} {versions[n]}" for n in VERSIONS if n in versions)


def _quote_word(word: str) -> str:
    """Return a word as a shell takes it, without the folders of an absolute path in it."""
    match = ABSOLUTE_PATH.fullmatch(word)
    if match is None:
        return shlex.quote(word)
    last = os.path.basename(match["path"].rstrip("/"))
    return f"{match['before'] or ''}{ELLIPSIS}/{shlex.quote(last) if last else ''}"


def _get_value(options: Mapping[str, Any], name: str) -> Any:
    option = options.get(name)
    return option.get("value") if isinstance(option, dict) else None


def _yield_settings(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that somebody has set, with their values."""
    for name, option in options.items():
        is_set = isinstance(option, dict) and option.get("source", DEFAULT) != DEFAULT
        if is_set and name not in SHOWN_ELSEWHERE:
            yield f"--{name.replace('_', '-')} {_format_value(option.get('value'))}"


def _describe_pixels(run: RunRecord) -> str:
    """Return how pixels became the values of each input, and where that choice came from."""
    pixels = run.get("pixels")
    if not pixels:
        return ""
    records = pixels["inputs"] or {"pictures": pixels["other"]}
    return ", ".join(f"{name}: {r['name']} ({r['source']})" for name, r in records.items())


def _format_value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format_value, value))
    return "" if value is None else str(value)


def _format_shape(shape: Sequence[int | None] | None) -> str:
    return "" if shape is None else "x".join("?" if side is None else str(side) for side in shape)
