"""Reads options from the command's table of a TOML file, as `[saliency]`, for `--config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from inputgrad_cli.cli.options.types import BatchSizeType, ColumnsType, FrameType, RangeType

TABLES = ("saliency", "optimize")  # a file may have both, and each command reads its own
SOURCES = {ParameterSource.DEFAULT_MAP: "config"}  # the file's values become Click's default map
NOT_IN_FILE = ("trust-model", "config", "help", "goals")  # trust is for the command line only


def get_source(ctx: click.Context, name: str) -> str:
    """Return the source of an option's value: commandline, environment, config or default."""
    source = ctx.get_parameter_source(name)
    return SOURCES.get(source, source.name.lower()) if source else "default"


def load_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Make the values of the file the defaults of the other options; UsageError."""
    # While words are completed, the file may be missing or unfinished.
    if path is not None and not ctx.resilient_parsing:
        ctx.default_map = dict(_yield_values(ctx, path))
    return path


def _yield_values(ctx: click.Context, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the parameter name and the value of each option in the file."""
    options, table = dict(_list_options(ctx.command)), ctx.command.name or ""
    for key, value in _read_table(path, table).items():
        if key == "trust-model":
            raise _make_error(path, key, "is a flag only, never from a file")
        if key not in options:
            raise _make_error(path, key, f"is no option of {table}; they are listed by --help")
        yield options[key].name or "", _check_value(options[key], value, path, key)


def _read_table(path: Path, name: str) -> Mapping[str, Any]:
    import tomllib

    from inputgrad_cli.supervision.successor_notes import read_once  # neither is imported by --help

    try:
        # Editors on Windows begin UTF-8 files with a byte order mark.
        text = read_once("config", path.read_bytes).decode("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise click.UsageError(f"--config {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--config {path}: not TOML: {error}.") from None
    for key in document:
        if key not in TABLES:
            raise _make_error(path, key, f"is unknown; options belong in the table [{name}]")
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise _make_error(path, name, f"must be a table: [{name}]")
    return table


def _list_options(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """Yield the options that a file may set, each with its key there."""
    for param in command.params:
        if isinstance(param, click.Option):
            long = max(param.opts, key=len).lstrip("-")
            key = long if len(long) > 1 else str(param.name)
            if key not in NOT_IN_FILE:
                yield key, param


def _check_value(option: click.Option, value: Any, path: Path, key: str) -> Any:
    """Return the value in the form that Click expects; UsageError names the key and the file."""
    if option.multiple:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
            raise _make_error(path, key, "must be a text, or a list of texts")
        if any("\0" in text for text in values):
            raise _make_error(path, key, "must be without NUL")
        return values
    if isinstance(option.type, RangeType) and isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(option.type, ColumnsType) and isinstance(value, list):
        if not all(isinstance(text, str) for text in value):
            raise _make_error(path, key, "must be a text, or a list of texts")
        return value
    types, description = _get_toml_types(option)
    if not isinstance(value, types) or (isinstance(value, bool) and not option.is_flag):
        raise _make_error(path, key, f"must be {description}")
    if isinstance(value, str) and "\0" in value:
        raise _make_error(path, key, "must be without NUL")
    return value


def _get_toml_types(option: click.Option) -> tuple[tuple[type, ...], str]:
    """Return the TOML types that an option accepts, and their description."""
    if option.is_flag:
        return (bool,), "true or false"
    if isinstance(option.type, (BatchSizeType, FrameType)):
        return (int, str), f"a whole number or a word: {option.metavar}"
    if isinstance(option.type, click.types.IntParamType):
        return (int,), "a whole number"
    if isinstance(option.type, click.types.FloatParamType):
        return (int, float), "a number"
    return (str,), "a text, in quotes"


def _make_error(path: Path, key: str, message: str) -> click.UsageError:
    return click.UsageError(f"--config {path}: {key!r} {message}.")
