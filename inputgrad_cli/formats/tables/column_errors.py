"""Builds the errors for tables whose columns do not fit the inputs of a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.column_names import MAX_LISTED, Heading, find_similar_name
from inputgrad_cli.numeric.array_helpers import format_shape

# As pandas names an index without a name when it becomes a column.
INDEX_NAME = re.compile(r"Unnamed: 0(\.\d+)?|index|level_0")


def build_count_error(heading: Heading, spec: InputSpec, width: int) -> ItemError:
    """Return the error for `width` columns, which are not as many as the input takes values."""
    shape = spec.shape or ()
    wanted = prod(d or 1 for d in shape)
    if heading.columns:
        return ItemError(
            f"{heading.where}: --columns names {width} columns, input {spec} takes {wanted}",
            reason=f"the columns are {heading.format_names()}",
            hint=f"name {wanted} of them",
            kind="shape",
        )
    series = f", or one sample of {format_shape(shape)}, a row a step" if shape[1:] else ""
    values = "one value" if wanted == 1 else f"{wanted} values"
    return ItemError(
        f"{heading.where}: {heading.width} columns do not fit input {spec}",
        reason=f"it takes {values} a row{series}; the columns are {heading.format_names()}",
        hint=_suggest_columns(heading, wanted),
        kind="shape",
    )


def _suggest_columns(heading: Heading, wanted: int) -> str:
    """Return a hint on how to select the columns of an input of `wanted` values."""
    first = heading.get_name(0)
    others = [heading.get_name(index) for index in range(1, heading.width)]
    if len(others) == wanted and (not first or INDEX_NAME.fullmatch(first)):
        named = f"the first column, {first!r}," if first else "the first column has no name and"
        advice = f"{named} looks like the index that pandas writes: leave it out"
        if wanted <= MAX_LISTED and not any(set(name) & set(', "') for name in others):
            return f"{advice} with --columns {','.join(others)}, or by to_csv(..., index=False)"
        return f"{advice} by to_csv(..., index=False)"
    if wanted == 1:
        return "name the one that feeds it: --columns NAME"
    return f"name the {wanted} that feed it, in their order: --columns A,B,C and so on"


def build_missing_error(heading: Heading, spec: InputSpec, specs: Sequence[InputSpec]) -> ItemError:
    """Return the ItemError that names the inputs without a column of their name."""
    if spec.name in heading.names:
        return ItemError(
            f"{heading.where}: several columns are called {spec.name!r}",
            hint="each input takes the column of its name: leave one of that name",
            kind="shape",
        )
    missing = [p.name for p in specs if p.name not in heading.names]
    free = [name for name in heading.names if name not in {p.name for p in specs}]
    similar = {name: other for name in missing if (other := find_similar_name(name, free))}
    pairs = ", ".join(f"{other!r} for {name!r}" for name, other in similar.items())
    name, other = next(iter(similar.items()), ("NAME", "COLUMN"))
    free_names = f"columns without an input: {_format_some_names(free)}"
    return ItemError(
        f"{heading.where}: no column for input {', '.join(missing)}",
        reason=f"did you mean {pairs}?" if pairs else free_names,
        hint="name the columns as the inputs, or say so in MODEL.inputgrad.toml under [inputs]: "
        f'"{other}" = "{name}"',
        kind="shape",
    )


def _format_some_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return (", ".join(names[:MAX_LISTED]) or "none") + more


def build_unfit_error(specs: Sequence[InputSpec], where: str) -> ItemError:
    """Return the error for inputs that no table can feed, whatever its columns are."""
    return ItemError(
        f"{where}: a table cannot feed the inputs {', '.join(str(spec) for spec in specs)}",
        reason="of several inputs each must take one value a row, from the column of its name",
        hint="give one file for each input: -i NAME=FILE",
        kind="shape",
    )
