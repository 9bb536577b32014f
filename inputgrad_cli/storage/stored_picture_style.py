"""Reads the style in which the pictures of a journal line are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.run_json import RunRecord

OPTION_BY_FIELD = {"kind": "picture", "reduce": "reduce", "cmap": "cmap", "clip": "clip"}
OPTION_BY_FIELD |= {"alpha": "alpha", "zoom": "zoom", "scale": "scale", "alphabet": "alphabet"}
OPTION_BY_FIELD |= {"on": "on", "smooth": "smooth", "keep": "keep", "top": "top"}


def read_style(record: JournalLine, run: RunRecord | None) -> Style | None:
    """Return the requested style of a line's pictures, None if no picture was ever drawn.

    Lines of earlier versions have no style; then it is built from the options of the run.
    """
    if "style" in record:
        # The scale was computed from the maps of that time; only what was requested counts.
        known = {field.name for field in fields(Style)} - {"limit", "signed"}
        recorded: Mapping[str, Any] = record["style"]
        values = {key: value for key, value in recorded.items() if key in known}
        if shown := values.get("show"):
            values["show"] = tuple(sorted(shown.items()))
        return Style(**values)
    if not record.get("drawn"):
        return None
    options: Mapping[str, Any] = run["options"] if run else {}
    values = {
        field: options.get(option, {}).get("value") for field, option in OPTION_BY_FIELD.items()
    }
    return Style(**{field: v for field, v in values.items() if v not in (None, "none")})
