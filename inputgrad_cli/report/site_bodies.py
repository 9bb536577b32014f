"""Chooses what the cells of a sample show: its picture, bars, coloured words, or a series."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from inputgrad_cli.choices import to_printable
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.pictures.subjects import ROW, SIGNAL, SOUND, TEXT, find_subject
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.search_arrays import CHANGE, list_moved_inputs
from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.numeric.arrays import Array, Floats
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.text.values import (
    choose_reduction,
    compute_token_values,
    match_tokens,
)
from inputgrad_cli.rendering.thumbnails import Thumbnail, encode_thumbnail
from inputgrad_cli.report.bodies import (
    Row,
    build_bars,
    build_spark,
    build_tokens,
    join_rows,
)
from inputgrad_cli.report.contents import Body, ColourScale, Picture
from inputgrad_cli.report.table_texts import TableTexts
from inputgrad_cli.runs.pictures.map_pictures import build_picture_source, list_drawable_sites
from inputgrad_cli.schema.encoded_names import decode_name
from inputgrad_cli.storage.map_files import get_picture_ending, is_picture
from inputgrad_cli.storage.run_directory import StoredMap
from inputgrad_cli.storage.run_paths import find_file

NO_PICTURE = "Its picture in the run is gone or damaged; this one is drawn from the arrays."
LARGEST_LIMIT = 1e300  # of a scale
ALL_CLASSES = "This map has a part for each class; the arrays hold them all."
NO_INPUTS = Samples({})  # a report is made of the run alone, so maps are drawn without backdrop


@dataclass(frozen=True)
class ShownBody:
    """What a cell shows, the picture in the run that shows more, and what must be said of it."""

    body: Body | None
    file: str = ""
    notes: tuple[str, ...] = ()
    scale: ColourScale | None = None


@dataclass(frozen=True)
class MapSites:
    """A stored map, the arrays of one of its files, and the texts of its table."""

    stored: StoredMap
    recorded: RecordedMap
    texts: TableTexts

    @property
    def names(self) -> Sequence[str]:
        """Return the sites of the map; of a search, those that it has moved."""
        values = self.recorded.values
        return list_moved_inputs(values) if self.recorded.record.is_search else list(values)

    @cached_property
    def subjects(self) -> Mapping[str, str]:
        """Return what the maps are of, by site."""
        record = self.recorded.record
        return {
            name: find_subject(record, name, self.get_values(name, 0).shape) for name in self.names
        }

    @cached_property
    def drawable(self) -> Sequence[str]:
        """Return the sites that have pictures."""
        return list_drawable_sites(self.recorded, self.stored.style or Style())

    @cached_property
    def pictures(self) -> Sequence[Sequence[str]]:
        """Return the names of all pictures that the run may have, by sample and site."""
        count = self.stored.line["samples"]
        ending = get_picture_ending(self.recorded.record.is_search)
        return self.stored.files.list_pictures(count, self.drawable, ending)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of the pictures that the run has, by name."""
        files = {decode_name(file, "path"): file["size"] for file in self.stored.line["files"]}
        return {name: size for name, size in files.items() if is_picture(name)}

    def get_values(self, site: str, row: int) -> Array:
        """Return the map of one sample, channels last; of a search, the change."""
        record = self.recorded.record
        name = site + CHANGE if record.is_search else site
        return record.axes.to_channels_last(np.asarray(self.recorded.values[name][row]), site)


@dataclass(frozen=True)
class SiteBodies:
    """One sample of a map: its row in the file, its index in the item, how it is to be shown."""

    sites: MapSites
    row: int
    index: int
    height: int | None
    top: int

    def list_bodies(self) -> list[tuple[str, ShownBody]]:
        """Return what is shown by site; rows of several inputs are shown together."""
        if self.sites.recorded.record.has_all_classes:
            return [("", ShownBody(None, notes=(ALL_CLASSES,)))]
        subjects = self.sites.subjects
        rows = [site for site in self.sites.names if subjects[site] == ROW]
        bodies = [("", self._build_row(rows))] if rows else []
        others = [site for site in self.sites.names if site not in rows]
        return bodies + [(site, self._build_body(site)) for site in others]

    def _build_row(self, names: Sequence[str]) -> ShownBody:
        record = self.sites.recorded.record
        texts = self.sites.texts
        # The arrays have the inputs in the model's order, the table in that of its columns.
        positions = {name: index for index, name in enumerate(texts.names)}
        ordered = sorted(names, key=lambda name: positions.get(name, len(positions)))
        row = join_rows([(name, self.sites.get_values(name, self.row)) for name in ordered])
        is_vector = len(names) == 1 and len(texts.names) == len(row.names)
        if is_vector or list(texts.names) == list(row.names):
            row = Row(texts.names, row.values, texts.get_row(self.index))
        elif len(names) == 1:
            row = Row([f"feature {i}" for i in range(len(row.names))], row.values)
        is_sum = not record.per_input and not record.is_search
        return ShownBody(build_bars(row, self.top, is_sum), self._find_picture(names[0]))

    def _build_body(self, site: str) -> ShownBody:
        subject = self.sites.subjects[site]
        file = self._find_picture(site)
        values = self.sites.get_values(site, self.row)
        if subject == TEXT:
            sums = self._reduce_last_axis(values, site)
            tokens = (self.sites.recorded.record.get_sample(self.row).tokens or {}).get(site, ())
            return ShownBody(build_tokens(match_tokens(tokens, len(sums)), sums), file)
        if subject in (SIGNAL, SOUND):
            is_series = values.ndim < 2 or values.shape[-1] == 1
            series = values if is_series else self._reduce_last_axis(values, site)
            return ShownBody(build_spark(series), file)
        if self.height is None:
            return ShownBody(None, file)
        if file or site in self.sites.drawable:
            return self._build_picture(site, file)
        return ShownBody(build_spark(values))

    def _reduce_last_axis(self, values: Array, site: str) -> Floats:
        """Return one value for each token or step, (T,), from those of its channels."""
        record = self.sites.recorded.record
        reduction = choose_reduction(record.reduce)
        return compute_token_values(values, reduction, is_copied=site in record.copied)

    def _find_picture(self, site: str) -> str:
        """Return the picture of a site in the run, empty if the run has none."""
        if site not in self.sites.drawable or self.index >= len(self.sites.pictures):
            return ""
        name = self.sites.pictures[self.index][self.sites.drawable.index(site)]
        return name if name in self.sites.sizes else ""

    def _build_picture(self, site: str, file: str) -> ShownBody:
        """Return the thumbnail of the run's picture, or of one drawn from the arrays alone."""
        assert self.height is not None
        notes: list[str] = []
        for png in self._yield_pictures(site, file, notes):
            try:
                small = encode_thumbnail(png, self.height)
            except ItemError:
                continue
            # What is there in place of the run's picture is not shown large either.
            shown_file = "" if NO_PICTURE in notes else file
            return ShownBody(Picture(small.data), shown_file, tuple(notes), parse_scale(small))
        return ShownBody(None, notes=tuple(notes))

    def _yield_pictures(self, site: str, file: str, notes: list[str]) -> Iterator[bytes]:
        out = self.sites.stored.directory.out
        if file:
            status = find_file(out, file)
            # A picture of another size was changed after the run, and may show anything.
            if status is not None and status.st_size == self.sites.sizes[file]:
                with contextlib.suppress(OSError):
                    yield (out / file).read_bytes()
            notes.append(NO_PICTURE)
        try:
            source = build_picture_source(self.sites.recorded, NO_INPUTS, self.row, site)
            style = self.sites.stored.style or Style()
            picture = choose_picture(style, source.layout)
            picture.refuse_large(source, style)
            yield picture.draw([source], style)[0].png
        except InputgradError as error:
            notes.append(error.format_line())


def parse_scale(small: Thumbnail) -> ColourScale | None:
    """Return the colours of a picture as it describes them, None if it does not."""
    text: Mapping[str, Any] = small.text
    scale = text.get("scale")
    low, high = (scale.get(key) if isinstance(scale, dict) else None for key in ("low", "high"))
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return None
    # A whole number may be of any length, and what is no number is not below the limit either.
    if not (abs(low) < LARGEST_LIMIT and abs(high) < LARGEST_LIMIT):
        return None
    cmap, quantity = (to_printable(str(text.get(key) or "")) for key in ("cmap", "bar"))
    # The text is read from a file, which may have been changed since it was drawn.
    return ColourScale(cmap, float(low), float(high), quantity[:200])
