"""The inputs of maps that were made before, read from the files that their records name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from inputgrad_cli.data.attribution import Attribution, is_looked_up
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.options import Viewing
from inputgrad_cli.formats.read import Reading, open_file, read_samples
from inputgrad_cli.schema.records import JournalLine, RunRecord
from inputgrad_cli.storage.sources import SOURCE, find_sources

MAX_UNSEEN = 1 << 25  # numbers of an input that only the record of a run tells the shape of
Read = Callable[[Attribution, JournalLine], Samples]
"""(attribution, journal line) -> the inputs as they were seen; ItemError where they are gone."""


def reader_of(run: RunRecord, first: JournalLine, out: Path) -> Read:
    """Return what reads the sources of a run's lines, as the run did."""
    ports = tuple(
        Port(p["name"], _shape(p["shape"]), p["dtype"]) for p in run["signature"]["inputs"]
    )
    option = run["options"].get("columns")
    columns = tuple((option and option["value"]) or ())

    def read(attribution: Attribution, line: JournalLine) -> Samples:
        paths = find_sources(line, first, run, out)
        for port in ports:
            _refuse_other_shape(port, attribution)
        viewing = Viewing.from_record(attribution.metadata)
        aliases = run.get("aliases", {})
        return read_files(
            paths, Reading(ports, Preprocess("raw"), viewing, aliases, columns=columns)
        )

    return read


def _refuse_other_shape(port: Port, attribution: Attribution) -> None:
    """Raise ItemError where a picture would be brought to a size that no array bears out."""
    stored = attribution.values.get(port.name)
    if stored is None:
        fits = math.prod(dim or 1 for dim in port.shape or ()) <= MAX_UNSEEN
    elif port.picture is None or is_looked_up(port.name, attribution.metadata):
        fits = True
    else:
        fits = port.accepts(stored.shape[1:] if attribution.many else stored.shape)
    if not fits:
        raise ItemError("its run tells of another shape of the input", kind=SOURCE)


def read_files(paths: Mapping[str | None, Path], how: Reading) -> Samples:
    """Return the inputs that stand in these files; ItemError."""
    return read_samples({name: open_file(path) for name, path in paths.items()}, paths, how)


def _shape(shape: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
    return None if shape is None else tuple(shape)
