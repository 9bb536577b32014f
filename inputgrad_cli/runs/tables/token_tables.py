"""Writes the values of the tokens of texts as tables, a line for each token."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import IO, Any

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.input_modality import TEXT
from inputgrad_cli.numeric.array_helpers import Floats
from inputgrad_cli.rendering.text.token_values import (
    choose_reduction,
    compute_token_values,
    match_tokens,
)
from inputgrad_cli.runs.large_array_writing import collect_bytes, is_large
from inputgrad_cli.runs.pictures.map_picture_data import get_layout
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction
from inputgrad_cli.storage.map_file_names import MapFiles

HEADER = ("sample", "position", "token", "attribution")


def list_text_sites(recorded: RecordedMap) -> list[str]:
    """Return the sites whose maps have a value for each token of a text, at most two axes."""
    record = recorded.record
    if record.has_all_classes or record.is_search:
        return []
    return [site for site in recorded.values if get_layout(recorded, site).subject == TEXT]


def build_token_tables(
    files: MapFiles, maps: Mapping[int, RecordedMap]
) -> dict[str, Bytes | WriteFunction]:
    """Return the table of each text by name; none if a map is of no text.

    `maps` are those of samples of unequal lengths by sample, or a single one with all samples.
    """
    sites = list_text_sites(next(iter(maps.values()))) if maps else []
    built: dict[str, Bytes | WriteFunction] = {}
    for site, name in zip(sites, files.list_tokens(sites), strict=True):
        write = partial(_write_table, maps, site)
        is_lazy = any(is_large(recorded) for recorded in maps.values())
        built[name] = write if is_lazy else collect_bytes(write)
    return built


def _write_table(maps: Mapping[int, RecordedMap], site: str, file: IO[bytes]) -> None:
    """Write the tokens of all samples; a sample that failed has none."""
    # A vocabulary may hold half of a character, which UTF-8 cannot.
    text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for sample, recorded in maps.items():
        for row, record in enumerate(recorded.record.samples):
            if record is not None:
                tokens, values = read_token_values(recorded, site, row)
                pairs = enumerate(zip(tokens, values.tolist(), strict=True))
                # The csv module writes floats by repr, which loses no digit.
                writer.writerows((sample + row, position, *pair) for position, pair in pairs)
    text.flush()
    text.detach()


def read_token_values(recorded: RecordedMap, site: str, row: int) -> tuple[Sequence[Any], Floats]:
    """Return the tokens of one sample, and the value of each."""
    record = recorded.record
    reduction = choose_reduction(record.reduce)
    values = compute_token_values(
        recorded.values[site][row], reduction, is_copied=site in record.copied
    )
    tokens = (record.get_sample(row).tokens or {}).get(site, ())
    return match_tokens(tokens, len(values)), values
