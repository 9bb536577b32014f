"""The pictures of maps that an earlier run made: drawn again where other ones are asked for now."""

from __future__ import annotations

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read import Reading
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.runs.inputs.loader import Skipped
from inputgrad_cli.runs.pictures.render import Asked, StoredMap, draw_again, redraw
from inputgrad_cli.runs.planning.options import Job
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.run_record import note_pictures
from inputgrad_cli.schema.records import JournalLine
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.stored_inputs import read_files


class Retouch:
    """Brings the pictures of a directory to the style of a job; `count` were drawn so far."""

    def __init__(self, plan: Plan, journal: Journal, reading: Reading) -> None:
        self._job: Job = plan.job
        self._journal, self._reading = journal, reading
        self._maps = {(made.label, made.target.asked) for made in plan.maps}
        self.count = 0

    def skipped(self, got: Skipped) -> ItemError | None:
        """Draw a skipped map again where that is due; return why a picture cannot be."""
        style = self._job.style
        if style is None or style.scale == "run":
            return None  # one scale for all is found once all maps are there
        stored = StoredMap(
            self._journal,
            got.record,
            lambda attribution, record: read_files(got.item.paths, self._reading),
        )
        if not stored.is_due(style):
            return None
        drawn = draw_again(stored, style)
        self.count += sum(each.name is not None for each in drawn)
        return next((each.error for each in drawn if each.error), None)

    def end(self, stopped: bool) -> None:
        """Draw pictures that share a scale again, and note how the pictures were asked for."""
        style = self._job.style
        if style is None:
            return
        made = any(r.get("files") and self._is_asked(r) for r in self._journal.known.values())
        if style.scale == "run" and made and not stopped:
            self._share_scale(style)
        note_pictures(self._job)

    def _share_scale(self, style: Style) -> None:
        asked = Asked(lambda own: style, changed=True, of=self._is_asked)
        self.count += sum(each.name is not None for each in redraw(self._job.out, asked))

    def _is_asked(self, record: JournalLine) -> bool:
        return (record["method"], record["target"]) in self._maps
