"""Says which items are tables, whose maps are also written as tables."""

from __future__ import annotations

from collections.abc import Set

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.runs.inputs.item import Item


def is_table(item: Item, samples: Samples | None) -> bool:
    """Return whether a file of the item is a table; the samples know it of a Parquet file."""
    return any(
        find_reader(path).kind == "table" or has_column_names(samples, name)
        for name, path in item.paths.items()
    )


def has_column_names(samples: Samples | None, name: str | None) -> bool:
    """Return whether the columns that feed an input are known by name."""
    return samples is not None and bool(samples.header or name in samples.record.get("headers", ()))


def is_named_after_table(item: Item, samples: Samples) -> bool:
    """Return whether the file that the item is named after is a table, or its only file."""
    return bool(samples.header) or find_reader(item.path).kind == "table"


def list_inputs_beside(item: Item, samples: Samples) -> Set[str]:
    """Return the inputs that have a file of their own which is no table."""
    return {
        name
        for name, path in item.paths.items()
        if name is not None
        and find_reader(path).kind != "table"
        and not has_column_names(samples, name)
    }
