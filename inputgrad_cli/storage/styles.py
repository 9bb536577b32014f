"""The style that the pictures of a journal line are drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from inputgrad_cli.rendering.style import Style
from inputgrad_cli.schema.records import JournalLine, RunRecord

OPTIONS = {"kind": "picture", "reduce": "reduce", "cmap": "cmap", "clip": "clip"}
OPTIONS |= {"alpha": "alpha", "zoom": "zoom", "scale": "scale"}


def style_of(record: JournalLine, run: RunRecord | None) -> Style | None:
    """Return the style of a line's pictures as asked, None where none was ever drawn.

    Lines of earlier versions do not tell; the options of their run do.
    """
    if "style" in record:
        known = {field.name for field in fields(Style)} - {"limit", "signed"}
        told: dict[str, Any] = dict(record["style"])
        return Style(**{key: value for key, value in told.items() if key in known})
    if not record.get("drawn"):
        return None
    options: Mapping[str, Any] = run["options"] if run else {}
    told = {name: options.get(option, {}).get("value") for name, option in OPTIONS.items()}
    told = {name: value for name, value in told.items() if value not in (None, "none")}
    return Style(**told)
