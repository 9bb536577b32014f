"""Describes how units and pixels of an output are written as targets, for hints."""

from __future__ import annotations

from inputgrad_cli.data.signature import Shape, has_pixel_classes


def format_unit(shape: Shape | None) -> str:
    """Return the notation of one unit of an output, such as `unit:I,J`."""
    return "unit:" + (",".join("IJKLMN"[: len(shape or ())]) or "I")


def describe_parts(shape: Shape | None) -> str:
    """Return the notation of a unit, or of the masked pixels, of an output with more axes."""
    if len(shape or ()) not in (2, 3):
        return f"{format_unit(shape)} for one unit"
    mask = "mask:PATH,class=K" if has_pixel_classes(shape) else "mask:PATH"
    return f"{format_unit(shape)} for one unit, {mask} for a segmentation"
