"""Chooses what the cells of a sample show: its picture, bars, coloured words, or a series."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from inputgrad_cli.data.pictures.input_modality import SIGNAL, SOUND, TEXT
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import RowColumns
from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.text.token_values import (
    choose_reduction,
    compute_token_values,
    match_tokens,
)
from inputgrad_cli.rendering.thumbnails import Thumbnail, encode_thumbnail
from inputgrad_cli.report.cell_charts import (
    Row,
    build_bars,
    build_spark,
    build_tokens,
)
from inputgrad_cli.report.map_values_and_pictures import MapSites
from inputgrad_cli.report.page_contents import Body, ColourScale, Picture
from inputgrad_cli.runs.pictures.map_picture_data import build_picture_source
from inputgrad_cli.storage.safe_run_paths import find_file

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
class SiteBodies:
    """One sample of a map: its row in the file, its index in the item, how it is to be shown."""

    sites: MapSites
    row: int
    index: int
    height: int | None
    top: int

    def list_bodies(self) -> list[tuple[str, ShownBody]]:
        """Return what is shown by site; rows of several inputs are shown together.

        If the run has one picture of all inputs, it is the larger view of the first that is drawn.
        """
        if self.sites.recorded.record.has_all_classes:
            return self._list_classes()
        columns = self.sites.columns
        bodies = [] if columns is None else [("", self._build_row(columns))]
        others = [n for n in self.sites.names if columns is None or not columns.has_site(n)]
        bodies += [(site, self._build_body(site)) for site in others]
        joined = next(iter(self.sites.joined_pictures[self.index : self.index + 1]), "")
        return _link_joined(bodies, joined) if joined else bodies

    def _list_classes(self) -> list[tuple[str, ShownBody]]:
        """Return the picture of the classes of largest score by site; the arrays have them all."""
        drawn = list(self.sites.drawable)
        if self.height is None or not drawn:
            file = self._find_picture(drawn[0]) if drawn else ""
            return [("", ShownBody(None, file, notes=(ALL_CLASSES,)))]
        return [(site, self._build_picture(site, self._find_picture(site))) for site in drawn]

    def _build_row(self, columns: RowColumns) -> ShownBody:
        """Return the bars of a row, with the texts of its columns from the table."""
        record, texts = self.sites.recorded.record, self.sites.texts
        values = self.sites.join_columns(columns, self.row)
        cells = texts.get_cells(self.index, columns.names)
        is_sum = not record.per_input and not record.is_search
        first = next(site for site in self.sites.names if columns.has_site(site))
        bars = build_bars(Row(columns.names, values, cells), self.top, is_sum)
        return ShownBody(bars, self._find_picture(first))

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


def _link_joined(bodies: list[tuple[str, ShownBody]], file: str) -> list[tuple[str, ShownBody]]:
    """Return the bodies with the picture of all inputs as the larger view of the first picture."""
    pictures = [n for n, (_, shown) in enumerate(bodies) if isinstance(shown.body, Picture)]
    first = next(iter(pictures), 0)
    site, shown = bodies[first]
    return [*bodies[:first], (site, replace(shown, file=file)), *bodies[first + 1 :]]


def parse_scale(small: Thumbnail) -> ColourScale | None:
    """Return the colours of a picture as it describes them, None if it does not."""
    text = _find_scale_words(small.text)
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


def _find_scale_words(text: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what describes the scale of a picture: of several tiles, the scale that all share."""
    tiles = text.get("tiles")
    if "scale" in text or not isinstance(tiles, list):
        return text
    described = [tile for tile in tiles if isinstance(tile, dict)]
    is_shared = bool(described) and all(
        tile.get("scale") == described[0].get("scale") for tile in described
    )
    return described[0] if is_shared else {}
