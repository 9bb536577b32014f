"""What a worker knows of the workers before it; it inherits this from their parent by fork."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.supervision.shared_memory_page import Page, Stage
from inputgrad_cli.supervision.worker_death_errors import Crash, GuardFault

WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # eager operations are exact only without oneDNN
MAX_DEATHS = 12  # of workers in a row, before a first map is done
PROGRESS_FACTOR = 4  # so many times MAX_DEATHS are allowed once maps are done


@dataclass(frozen=True)
class EarlierWorkers:
    """The results of the workers of this call so far.

    `failure` ends the call: the new worker only reports it. `reported` is the number of events that
    the user knows already. Items are identified by their digests: those that caused a death are
    `crashed`, with their errors; `suspects` may have caused one, so they are tried alone first.
    `blamed` is true if one of the suspects did. `batch_limit` is the largest batch of the other
    items (0: no limit); with `alone` only one of these is under way at a time. `deaths_in_a_row`
    counts the latest deaths without a new map between them, `maps_done` the maps of all workers.
    `environment` has the variables that a worker requested to change for the next one.
    """

    worker_count: int = 0
    failure: InputgradError | None = None
    reported: int = 0
    crashed: Mapping[int, ItemError] = field(default_factory=dict)
    suspects: tuple[int, ...] = ()
    blamed: bool = False
    batch_limit: int = 0
    alone: bool = False
    deaths_in_a_row: int = 0
    maps_done: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)

    def record_end(self, death: Crash | GuardFault, page: Page) -> EarlierWorkers:
        """Return the state for the next worker after one died, or was ended by a guard."""
        under_way = page.under_way
        if not under_way and page.stage is Stage.COMPUTING:
            # The signal may reach the faulty thread late, after its item has ended.
            under_way = page.previously_under_way
        deaths = 1 if page.done else self.deaths_in_a_row + 1
        new = replace(self._add_worker(page), deaths_in_a_row=deaths)
        lost = not under_way and (page.stage is not Stage.COMPUTING or deaths > 1)
        ended = isinstance(death, GuardFault) and page.stage is not Stage.COMPUTING
        if not page.resumable or lost or ended:
            return replace(new, failure=death.to_error())
        if deaths >= MAX_DEATHS * (PROGRESS_FACTOR if new.maps_done else 1):
            return replace(new, failure=death.to_repeated_error(deaths))
        if not under_way:
            return new
        if not page.alone:
            return new._mark_suspects(under_way)
        if page.stage is Stage.OPENING:
            return replace(new, failure=death.to_error())
        return new._mark_crashed(under_way[0], death.to_item_error())

    def limit_batch_size(self, usual: int) -> int:
        """Return the largest batch size to use once the suspects have been tried alone.

        If none of them is at fault, the size of their batch was: the next ones are half as large.
        """
        size = min(usual, self.batch_limit or usual)
        return max(1, size // 2) if self.suspects and not self.blamed else size

    def _mark_crashed(self, item: int, error: ItemError) -> EarlierWorkers:
        suspects = tuple(suspect for suspect in self.suspects if suspect != item)
        crashed = {**self.crashed, item: error}
        return replace(self, crashed=crashed, suspects=suspects, blamed=True)

    def _mark_suspects(self, items: tuple[int, ...]) -> EarlierWorkers:
        return replace(
            self, suspects=items, blamed=False, alone=self.alone or self.batch_limit == 1
        )

    def record_restart(self, page: Page) -> EarlierWorkers:
        """Return the state for the next worker after one that requested a restart."""
        return replace(self._add_worker(page), environment=WITHOUT_ONEDNN)

    def _add_worker(self, page: Page) -> EarlierWorkers:
        return replace(
            self,
            worker_count=self.worker_count + 1,
            reported=page.reported,
            batch_limit=page.size,
            maps_done=self.maps_done + page.done,
        )
