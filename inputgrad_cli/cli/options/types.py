"""Click parameter types for the values of options."""

from __future__ import annotations

import csv
import math
from typing import Any

import click

from inputgrad_cli.data.shard import Shard
from inputgrad_cli.expression_parser import parse_whole_number
from inputgrad_cli.machine.memory_size_option import parse_bytes, parse_size
from inputgrad_cli.option_choices import SHOWN
from inputgrad_cli.schema.record_limits import MAX_BATCH_SIZE, MAX_SHARDS


class NamedPathType(click.ParamType[tuple[str, str]]):
    """NAME=PATH: the name of a model input, and a file or directory."""

    name = "NAME=PATH"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Return the name and the path."""
        name, equals, path = str(value).partition("=")
        if not (name and equals and path):
            self.fail(f"{value!r} is not NAME=PATH", param, ctx)
        return name, path


class ShowType(click.ParamType[tuple[str, str]]):
    """NAME=KIND: the name of a model input or layer, and what its maps are shown as."""

    name = "NAME=KIND"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Return the name and the kind."""
        name, equals, kind = str(value).rpartition("=")
        if not (name and equals and kind):
            self.fail(f"{value!r} is not NAME=KIND, as in audio=spectrogram", param, ctx)
        if kind not in SHOWN:
            self.fail(f"{value!r}: {kind!r} is none of {', '.join(SHOWN)}", param, ctx)
        return name, kind


class DeviceType(click.ParamType[str]):
    """auto, cpu, gpu or gpu:N."""

    name = "auto|cpu|gpu[:N]"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the device as written."""
        kind, colon, index = str(value).partition(":")
        is_index = kind == "gpu" and parse_whole_number(index) is not None
        if kind not in ("auto", "cpu", "gpu") or (colon and not is_index):
            self.fail(f"{value!r} is not auto, cpu, gpu or gpu:N", param, ctx)
        return str(value)


class BatchSizeType(click.ParamType[str | int]):
    """An integer above zero, or auto."""

    name = "N|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        """Return the integer, or `auto`."""
        if value == "auto":
            return "auto"
        size = parse_whole_number(str(value))
        if not size:
            self.fail(f"{value!r} is not a whole number above zero, or auto", param, ctx)
        # A larger one could not be read back from the record of the run.
        if size > MAX_BATCH_SIZE:
            self.fail(f"{value!r}: a pass has at most {MAX_BATCH_SIZE} samples", param, ctx)
        return size


class MemorySizeType(click.ParamType[str]):
    """An amount of memory such as 800M, or auto."""

    name = "SIZE|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the amount as written."""
        try:
            parse_size(str(value))
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return str(value)


class SizeType(click.ParamType[int]):
    """A number of bytes such as 25M."""

    name = "SIZE"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        size = parse_bytes(str(value))
        if not size:
            self.fail(f"{value!r} is not a size such as 800K or 25M", param, ctx)
        return size


class ShardType(click.ParamType[Shard]):
    """I/N: shard I, counted from 0, of N."""

    name = "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> Shard:
        """Return the shard."""
        # Click also converts values that have their type already, such as defaults.
        if isinstance(value, Shard):
            return value
        index, count = (parse_whole_number(part) for part in str(value).partition("/")[::2])
        if index is None or count is None or index >= count:
            self.fail(f"{value!r} is not I/N, as in 0/4: I from 0, below N", param, ctx)
        if count > MAX_SHARDS:
            self.fail(f"{value!r}: a run has at most {MAX_SHARDS} shards", param, ctx)
        return Shard(index, count)


class ColumnsType(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas; a name with a comma is written in quotes."""

    name = "A,B,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        # In the list of a TOML file each name has quotes of its own.
        parts = value if isinstance(value, list) else self._split_names(str(value), param, ctx)
        names = [name.strip() for name in parts]
        if not all(names) or not names:
            self.fail(f"{value!r} is not a list of names: A,B,...", param, ctx)
        if repeated := [name for name in names if names.count(name) > 1]:
            self.fail(f"{value!r} names {repeated[0]!r} twice", param, ctx)
        return tuple(names)

    def _split_names(self, value: str, param: Any, ctx: Any) -> list[str]:
        try:
            rows = list(csv.reader([value], skipinitialspace=True, strict=True))
        except csv.Error as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        return [name for row in rows for name in row]


class FrameType(click.ParamType[str | int]):
    """The index of a frame, from 0, or all."""

    name = "N|all"

    def convert(self, value: Any, param: Any, ctx: Any) -> str | int:
        """Return the index, or `all`."""
        if value == "all":
            return "all"
        index = parse_whole_number(str(value))
        if index is None:
            self.fail(f"{value!r} is not a frame's number, from 0, or all", param, ctx)
        return index


class RangeType(click.ParamType[tuple[float, float]]):
    """LO,HI: the values of black and white."""

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
