"""Selects the columns of a row, or the tokens of a text, that a terminal shows of one sample."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import find_row_columns
from inputgrad_cli.numeric.array_helpers import Array, take_rows
from inputgrad_cli.rendering.label_formatting import format_number, format_value
from inputgrad_cli.rendering.tabular.column_ranking import rank_columns, sum_rest
from inputgrad_cli.rendering.text.token_display import build_passage
from inputgrad_cli.runs.tables.token_tables import list_text_sites, read_token_values
from inputgrad_cli.schema.json_type_alias import JsonObject


def build_preview_table(recorded: RecordedMap, samples: Samples, row: int) -> JsonObject:
    """Return the rows (name, value, attribution) of one sample, {} for other inputs.

    `others` says what is not shown, and `is_row` whether the names are those of columns.
    """
    if recorded.record.is_search or recorded.record.has_all_classes:
        return {}
    per_input = recorded.record.per_input
    columns = find_row_columns(recorded, samples.header)
    if columns is not None:
        values = columns.join_values(take_rows(recorded.values, slice(row, row + 1)))[0]
        cells = columns.list_cells(samples.arrays, row)
        texts = (
            [""] * len(values)
            if cells is None
            else ["" if cell is None else format_value(cell) for cell in cells]
        )
        return {"is_row": True, **_select_rows(columns.names, texts, values, per_input=per_input)}
    tokens = [
        token
        for site in list_text_sites(recorded)
        for token in build_passage(
            *read_token_values(recorded, site, recorded.record.get_row(row))
        ).tokens
    ]
    if not tokens:
        return {}
    numbers = np.array([token.value for token in tokens], np.float64)
    names = tuple(token.text for token in tokens)
    return {"is_row": False, **_select_rows(names, [""] * len(names), numbers, per_input=per_input)}


def _select_rows(
    names: tuple[str, ...], texts: list[str], values: Array, *, per_input: bool
) -> JsonObject:
    ranking = rank_columns(values)
    rows = [[names[i], texts[i], float(values[i])] for i in ranking.shown.tolist()]
    if not len(ranking.rest):
        return {"rows": rows, "others": ""}
    rest = sum_rest(values[ranking.rest])
    sums = [format_number(value, signed=True) for value in (rest.negative, rest.positive) if value]
    # Values per unit of input have units of their own, so they are not summed.
    said = f"each at most {format_number(rest.largest)}" if per_input else ", ".join(sums) or "0"
    return {"rows": rows, "others": f"{rest.count:,} others: {said}"}
