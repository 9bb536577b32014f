"""Builds the summary of the map of a table over its rows, as a table and as a picture."""

from __future__ import annotations

from inputgrad_cli.data.global_feature_importance import MIN_ROWS, ColumnSummary, summarize_columns
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import find_row_columns
from inputgrad_cli.formats.tables.csv_cell_formatting import join_cells
from inputgrad_cli.rendering.tabular.beeswarm_plot import draw_row_summary
from inputgrad_cli.storage.map_file_names import MapFiles

HEADER = ("column", "mean_magnitude", "mean", "share")
NUMBER = "%.6g"  # enough to compare columns; the table of the map has all digits


def build_summary_files(
    files: MapFiles, recorded: RecordedMap, samples: Samples, *, style: Style | None
) -> dict[str, bytes]:
    """Return the files of the summary of a table by name; none for a table of few rows.

    There is no picture without a style.
    """
    summary = _summarize(recorded, samples, style or Style())
    if summary is None:
        return {}
    built = {files.summary_table: _write_summary(summary)}
    return built if style is None else {**built, files.summary_picture: _draw(summary, recorded)}


def draw_summary(recorded: RecordedMap, samples: Samples, style: Style) -> bytes | None:
    """Return the picture of the summary of a table, None for a table of few rows.

    Without samples, the points do not tell the values of their inputs.
    """
    summary = _summarize(recorded, samples, style)
    return None if summary is None else _draw(summary, recorded)


def _summarize(recorded: RecordedMap, samples: Samples, style: Style) -> ColumnSummary | None:
    record = recorded.record
    columns = find_row_columns(recorded, samples.header)
    if columns is None or len(record.samples) < MIN_ROWS:
        return None
    return summarize_columns(
        columns, recorded.values, samples.arrays, per_input=record.per_input, top=style.top
    )


def _draw(summary: ColumnSummary, recorded: RecordedMap) -> bytes:
    record = recorded.record
    row = next(index for index, sample in enumerate(record.samples) if sample is not None)
    return draw_row_summary(summary, build_caption(record, next(iter(recorded.values)), row))


def _write_summary(summary: ColumnSummary) -> bytes:
    """Return the table of all columns, the most important first.

    The share is that of the sum of all magnitudes; it is empty where values are per unit of input,
    because such values have no common unit.
    """
    lines = [",".join(HEADER)]
    shares = summary.shares
    for index, name in enumerate(summary.names):
        share = "" if shares is None else NUMBER % shares[index]
        numbers = [NUMBER % summary.magnitudes[index], NUMBER % summary.means[index], share]
        lines.append(join_cells([name, *numbers]))
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
