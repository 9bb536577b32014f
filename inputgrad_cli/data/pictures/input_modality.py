"""Finds what a map is of, its modality, such as image or text: it decides the kind of picture."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.data.map_record import MapRecord

IMAGE, ROW, SIGNAL, SOUND, TEXT = "image", "row", "signal", "sound", "text"
VOLUME, VIDEO, STRIP = "volume", "video", "strip"
SPECTROGRAM, LOGO = "spectrogram", "logo"  # no shape tells these, so only a user can say them
SUBJECTS = (IMAGE, ROW, SIGNAL, SOUND, SPECTROGRAM, TEXT, LOGO, VOLUME, VIDEO, STRIP)
MIN_SIGNAL_LENGTH = 256  # a shorter vector is taken for the columns of a table
KIND_SUBJECTS = {"bars": ROW}  # words of `SHOWN` that are not their subject as well


@dataclass(frozen=True)
class MapFacts:
    """What tells the subject of a map besides its shape (...) for one sample, channels last."""

    shape: tuple[int, ...]
    is_table: bool = False
    has_tokens: bool = False
    has_rate: bool = False
    has_frames: bool = False


def choose_subject(facts: MapFacts) -> str:
    """Return the subject of a map, one of `SUBJECTS`."""
    axes = len(facts.shape)
    if axes <= 2 and facts.has_tokens:  # with more axes, the ids are those of an image
        return TEXT
    if axes <= 2 and facts.has_rate:
        return SOUND
    if axes < 2:
        is_row = facts.is_table or axes == 0 or facts.shape[0] < MIN_SIGNAL_LENGTH
        return ROW if is_row else SIGNAL
    if axes == 4:
        return VIDEO if facts.has_frames else VOLUME
    return {2: SIGNAL, 3: IMAGE}.get(axes, STRIP)


def to_subject(kind: str) -> str:
    """Return the subject of maps that are shown as a kind, one of `SHOWN`."""
    return KIND_SUBJECTS.get(kind, kind)


def find_subject(record: MapRecord, site: str, shape: tuple[int, ...]) -> str:
    """Return the subject of the maps of a site, unless a user has chosen another."""
    if site in record.shown:
        return to_subject(record.shown[site])
    facts = MapFacts(
        shape,
        is_table=record.is_table or site in record.headers,
        has_tokens=site in record.axes.looked_up,
        has_rate=site in record.sample_rates,
        has_frames=site in record.inputs.get("animated", ()),
    )
    return choose_subject(facts)
