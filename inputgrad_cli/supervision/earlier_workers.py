"""What a worker knows of those before it: it is forked from the process that watched them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from inputgrad_cli.errors import InputgradError, ItemError
from inputgrad_cli.supervision.crash_reports import Death, Fault
from inputgrad_cli.supervision.shared_page import Page, Stage

WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # eager operations are right with others alone
MOST = 12  # workers that may die before a first map is done
PATIENT = 4  # times as many may die in a row where some were done


@dataclass(frozen=True)
class EarlierWorkers:
    """What came of the workers of this call so far.

    `workers` is how many there were. `failure` ends the call: the new worker only reports it.
    `reported` events of the run are known to the user. Items go by their digests: those that are at
    fault are `crashed`, with their errors; among `suspects` one may be: they are to be tried alone,
    before all else. `blamed` says that one of them was found. `size` bounds the batches of the
    others (0: no bound), which are one at a time where `alone`. `row` counts the latest deaths
    between which nothing was done, after `done` maps. `environment` is what a worker asked to have
    changed for the next.
    """

    workers: int = 0
    failure: InputgradError | None = None
    reported: int = 0
    crashed: Mapping[int, ItemError] = field(default_factory=dict)
    suspects: tuple[int, ...] = ()
    blamed: bool = False
    size: int = 0
    alone: bool = False
    row: int = 0
    done: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)

    def after(self, death: Death | Fault, page: Page) -> EarlierWorkers:
        """Return what the next worker is to know, after one died or was ended for a fault."""
        under_way = page.under_way
        if not under_way and page.stage is Stage.COMPUTING:
            under_way = page.before  # a signal to a process may come late to the thread at fault
        row = 1 if page.done else self.row + 1
        new = replace(self._next(page), row=row)
        lost = not under_way and (page.stage is not Stage.COMPUTING or row > 1)
        ended = isinstance(death, Fault) and page.stage is not Stage.COMPUTING
        if not page.resumable or lost or ended:
            return replace(new, failure=death.error())
        if row >= MOST * (PATIENT if new.done else 1):
            return replace(new, failure=death.of_all(row))
        if not under_way:
            return new
        if not page.alone:
            return new._suspecting(under_way)
        if page.stage is Stage.OPENING:
            return replace(new, failure=death.error())
        return new._blaming(under_way[0], death.of_item())

    def batch_size(self, usual: int) -> int:
        """Return how many items a batch may have, once the suspects are through.

        Where none of them is at fault, their batch was: the next ones are half as large.
        """
        size = min(usual, self.size or usual)
        return max(1, size // 2) if self.suspects and not self.blamed else size

    def _blaming(self, item: int, error: ItemError) -> EarlierWorkers:
        left = tuple(each for each in self.suspects if each != item)
        return replace(self, crashed={**self.crashed, item: error}, suspects=left, blamed=True)

    def _suspecting(self, items: tuple[int, ...]) -> EarlierWorkers:
        return replace(self, suspects=items, blamed=False, alone=self.alone or self.size == 1)

    def after_request(self, page: Page) -> EarlierWorkers:
        """Return what the next worker is to know, after one that asked for another."""
        return replace(self._next(page), environment=WITHOUT_ONEDNN)

    def _next(self, page: Page) -> EarlierWorkers:
        done = self.done + page.done
        workers = self.workers + 1
        return replace(self, workers=workers, reported=page.reported, size=page.size, done=done)
