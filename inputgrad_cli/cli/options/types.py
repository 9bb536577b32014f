"""Values of options that Click has no type for."""

from __future__ import annotations

import csv
import math
from typing import Any

import click

from inputgrad_cli.machine.memory import parse_size
from inputgrad_cli.schema.limits import MAX_SHARDS
from inputgrad_cli.storage.shards import Shard


class Pair(click.ParamType[tuple[str, str]]):
    """NAME=PATH."""

    name = "NAME=PATH"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Return name and path."""
        name, equals, path = str(value).partition("=")
        if not (name and equals and path):
            self.fail(f"{value!r} is not NAME=PATH", param, ctx)
        return name, path


class Device(click.ParamType[str]):
    """auto, cpu, gpu or gpu:N."""

    name = "auto|cpu|gpu[:N]"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the device as written."""
        word, colon, number = str(value).partition(":")
        if word not in ("auto", "cpu", "gpu") or (
            colon and (word != "gpu" or not number.isdigit())
        ):
            self.fail(f"{value!r} is not auto, cpu, gpu or gpu:N", param, ctx)
        return str(value)


class BatchSize(click.ParamType[str | int]):
    """A whole number, or auto."""

    name = "N|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        """Return the number, or `auto`."""
        if value == "auto":
            return "auto"
        if not str(value).isdigit() or int(value) < 1:
            self.fail(f"{value!r} is not a whole number above zero, or auto", param, ctx)
        return int(value)


class Size(click.ParamType[str]):
    """A size in memory, or auto."""

    name = "SIZE|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the size as written."""
        try:
            parse_size(str(value))
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return str(value)


class Share(click.ParamType[Shard]):
    """I/N."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> Shard:
        """Return the share."""
        if isinstance(value, Shard):
            return value
        number, slash, of = str(value).partition("/")
        plain = all(part.isascii() and part.isdigit() for part in (number, of))
        if not (slash and plain and int(number) < int(of)):
            self.fail(f"{value!r} is not I/N, as in 0/4: I from 0, below N", param, ctx)
        if int(of) > MAX_SHARDS:
            self.fail(f"{value!r}: a run has at most {MAX_SHARDS} shares", param, ctx)
        return Shard(int(number), int(of))


class Columns(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas; quotes hold one that has a comma in it."""

    name = "A,B,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        listed = value if isinstance(value, list) else self._listed(str(value), param, ctx)
        names = [name.strip() for name in listed]
        if not all(names) or not names:
            self.fail(f"{value!r} is not a list of names: A,B,...", param, ctx)
        if doubled := [name for name in names if names.count(name) > 1]:
            self.fail(f"{value!r} names {doubled[0]!r} twice", param, ctx)
        return tuple(names)

    def _listed(self, value: str, param: Any, ctx: Any) -> list[str]:
        try:
            rows = list(csv.reader([value], skipinitialspace=True, strict=True))
        except csv.Error as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        return [name for row in rows for name in row]


class Frame(click.ParamType[str | int]):
    """A frame's number from 0, or all."""

    name = "N|all"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        """Return the number, or `all`."""
        if value == "all":
            return "all"
        if not (str(value).isascii() and str(value).isdigit()):
            self.fail(f"{value!r} is not a frame's number, from 0, or all", param, ctx)
        return int(value)


class Range(click.ParamType[tuple[float, float]]):
    """LO,HI."""

    name = "LO,HI"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float]:
        """Return the two numbers, the first below the second."""
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not two numbers LO,HI", param, ctx)
        if not -math.inf < low < high < math.inf:
            self.fail(f"{value!r}: LO must be below HI, and both finite", param, ctx)
        return low, high
