"""Says at the top of a report what is missing in it, and why."""

from __future__ import annotations

from inputgrad_cli.report.page_contents import Contents, Status
from inputgrad_cli.report.path_and_number_formatting import format_size


def list_hints(contents: Contents, height: int | None, max_bytes: int | None) -> list[str]:
    """Return sentences on what a reader would miss; `max_bytes` is None if no limit was met."""
    hints = []
    if contents.expected > contents.present:
        hints.append(
            f"The run is not finished: {contents.present:,} of {contents.expected:,} maps are "
            "there. The same call computes the others."
        )
    unread = sum(cell.is_unread for item in contents.items for cell in item.cells)
    if unread:
        hints.append(
            f"{unread:,} maps could not be read: their files are missing or were changed after "
            "the run. `inputgrad verify` lists the files."
        )
    if height is None and max_bytes is not None:
        hints.append(
            f"There are too many items for pictures in a page of {format_size(max_bytes)} "
            "(--max-size)."
        )
    if contents.count(Status.OK) + contents.count(Status.UNMET) == 0:
        hints.append("No item of this run is done.")
    return hints
