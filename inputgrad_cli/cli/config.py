"""`--config FILE.toml`: options from the table `[saliency]` of a file, read only when given."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from inputgrad_cli.cli.options.types import BatchSize, Columns, Frame, Range

TABLE = "saliency"
SOURCES = {ParameterSource.DEFAULT_MAP: "config"}
NEVER = ("trust-model", "config", "help")  # trust is a flag only


def source_of(ctx: click.Context, name: str) -> str:
    """Return where a value came from: commandline, environment, config or default."""
    source = ctx.get_parameter_source(name)
    return SOURCES.get(source, source.name.lower()) if source else "default"


def _load(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and not ctx.resilient_parsing:
        ctx.default_map = dict(_values(ctx, path))
    return path


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    is_eager=True,
    callback=_load,
    help="Take options from its table [saliency]; paths there are as on the command line.",
)


def _values(ctx: click.Context, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each option's name in the program, and its value."""
    options = dict(_options(ctx.command))
    for key, value in _table(path).items():
        if key == "trust-model":
            raise _wrong(path, key, "is a flag only, never from a file")
        if key not in options:
            raise _wrong(path, key, "is no option of saliency; they are listed by --help")
        yield options[key].name or "", _checked(options[key], value, path, key)


def _table(path: Path) -> Mapping[str, Any]:
    from inputgrad_cli.supervision.call_notes import read_once  # --help needs none

    try:
        text = read_once("config", path.read_bytes).decode("utf-8-sig")
        found = tomllib.loads(text)
    except OSError as error:
        raise click.UsageError(f"--config {path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--config {path}: not TOML: {error}.") from None
    for key in found:
        if key != TABLE:
            raise _wrong(path, key, f"is unknown; options stand in the table [{TABLE}]")
    table = found.get(TABLE, {})
    if not isinstance(table, dict):
        raise _wrong(path, TABLE, f"must be a table: [{TABLE}]")
    return table


def _options(command: click.Command) -> Iterator[tuple[str, click.Option]]:
    """Yield the options that a file may set, by the word that stands there."""
    for param in command.params:
        if isinstance(param, click.Option):
            long = max(param.opts, key=len).lstrip("-")
            word = long if len(long) > 1 else str(param.name)
            if word not in NEVER:
                yield word, param


def _checked(option: click.Option, value: Any, path: Path, key: str) -> Any:
    """Return the value as Click takes it; UsageError names key and file."""
    if option.multiple:
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise _wrong(path, key, "must be a text, or a list of texts")
        if any("\0" in one for one in listed):
            raise _wrong(path, key, "must be without NUL")
        return listed
    if isinstance(option.type, Range) and isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(option.type, Columns) and isinstance(value, list):
        if not all(isinstance(one, str) for one in value):
            raise _wrong(path, key, "must be a text, or a list of texts")
        return value
    kinds, wanted = _kinds(option)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not option.is_flag):
        raise _wrong(path, key, f"must be {wanted}")
    if isinstance(value, str) and "\0" in value:
        raise _wrong(path, key, "must be without NUL")
    return value


def _kinds(option: click.Option) -> tuple[tuple[type, ...], str]:
    """Return the TOML types that an option takes, and how they are called."""
    if option.is_flag:
        return (bool,), "true or false"
    if isinstance(option.type, (BatchSize, Frame)):
        return (int, str), f"a whole number or a word: {option.metavar}"
    if isinstance(option.type, click.types.IntParamType):
        return (int,), "a whole number"
    if isinstance(option.type, click.types.FloatParamType):
        return (int, float), "a number"
    return (str,), "a text, in quotes"


def _wrong(path: Path, key: str, what: str) -> click.UsageError:
    return click.UsageError(f"--config {path}: {key!r} {what}.")
