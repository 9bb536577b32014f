"""Joins the values of several inputs as the columns of one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Arrays


def join_columns(values: Arrays, header: Sequence[str]) -> tuple[tuple[str, ...], Array]:
    """Return the names and values of the columns, in the order of the input table.

    An embedding has one column for each of its values.
    """
    flat = {site: array.reshape(len(array), -1) for site, array in values.items()}
    joined = np.concatenate(list(flat.values()), axis=1)
    if not header or (len(flat) == 1 and joined.shape[1] == len(header)):
        return tuple(header), joined
    # A layer, or an input's second embedding, is not a column of the file, so it comes last.
    order = [name for name in header if name in flat]
    order += [site for site in flat if site not in order]
    names: list[str] = []
    for name in order:
        column_count = flat[name].shape[1]
        names += [name] if column_count == 1 else [f"{name}[{i}]" for i in range(column_count)]
    return tuple(names), np.concatenate([flat[name] for name in order], axis=1)
