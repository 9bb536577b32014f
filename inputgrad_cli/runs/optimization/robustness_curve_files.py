"""Writes the curve of the robust accuracy over several radii, as a table and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from inputgrad_cli.errors import StorageError
from inputgrad_cli.optimization.summaries.run_summary import SearchSummary
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.robustness_curve import RobustnessCurve, draw_robustness
from inputgrad_cli.storage.atomic_write import write_atomically
from inputgrad_cli.storage.safe_run_paths import is_folder

TABLE_NAME, PICTURE_NAME = "robustness.csv", "robustness.png"
COLUMNS = (
    *("method", "goal", "target", "norm", "eps", "samples", "right", "robust"),
    *("robust_accuracy", "low", "high"),
)
HEADER = ",".join(COLUMNS).encode()
PICTURE_MARK = f"tEXt{TEXT_KEY}\0".encode()
MARK_BYTES = 1 << 12  # from the start of a file, in which its mark is


def write_robustness(out: Path, summaries: Sequence[SearchSummary], overwrite: bool) -> None:
    """Write the curves of attacks if one of them has several radii. Raises StorageError.

    Attacks without a radius, which look for the nearest point, are shown at the radii of the others
    of their norm. A file of that name which no run has written is never replaced.
    """
    curves = [
        (summary, _choose_radii(summary, summaries))
        for summary in summaries
        if summary.leaves_class
    ]
    curves = [(summary, radii) for summary, radii in curves if radii]
    # A single radius gives a number and no curve.
    if not any(len(summary.radii) > 1 for summary, _ in curves):
        return
    _replace(out / TABLE_NAME, _build_table(curves), HEADER, overwrite)
    _replace(out / PICTURE_NAME, _draw_curves(curves), PICTURE_MARK, overwrite)


def _choose_radii(summary: SearchSummary, summaries: Sequence[SearchSummary]) -> tuple[float, ...]:
    if summary.radii:
        return summary.radii
    others = (other.radii for other in summaries if other.norm == summary.norm)
    return tuple(sorted({radius for radii in others for radius in radii}))


def _build_table(curves: Sequence[tuple[SearchSummary, tuple[float, ...]]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for summary, radii in curves:
        words = (summary.name, summary.goal, summary.target, summary.norm)
        for point in summary.build_curve(radii):
            share = point.robust
            counts = (share.total, summary.clean.count, share.count)
            writer.writerow([*words, point.radius, *counts, share.value, *share.interval])
    return out.getvalue().encode()


def _draw_curves(curves: Sequence[tuple[SearchSummary, tuple[float, ...]]]) -> bytes:
    """Return the PNG file; each curve begins at radius 0 with what was right before."""
    drawn = []
    for summary, radii in curves:
        points = summary.build_curve([0.0, *radii])
        drawn.append(
            RobustnessCurve(
                f"{summary.name}, norm {summary.norm}",
                [point.radius for point in points],
                [point.robust.value for point in points],
                [point.robust.interval for point in points],
            )
        )
    in_pixels = all(summary.in_pixels for summary, _ in curves)
    has_labels = all(summary.has_labels for summary, _ in curves)
    titles = (
        "radius (share of the pixel range)" if in_pixels else "radius",
        "robust accuracy" if has_labels else "share of unchanged predictions",
    )
    return draw_robustness(drawn, titles)


def _replace(path: Path, data: bytes, mark: bytes, overwrite: bool) -> None:
    """Write a file; one that is there already must be of a run, as its mark shows."""
    if not overwrite and path.exists() and (is_folder(path) or not _has_mark(path, mark)):
        raise StorageError(
            f"{path}: is there already, and no run of inputgrad made it",
            hint="move it, or use --on-exists overwrite",
        )
    write_atomically(path, data)


def _has_mark(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return mark in file.read(MARK_BYTES)
