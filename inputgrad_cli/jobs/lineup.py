"""The order in which the items of a run are done: what killed a process is kept apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.jobs.items import Item
from inputgrad_cli.supervision.past import Past
from inputgrad_cli.supervision.worker import digest_of

Place = tuple[int, Item]


@dataclass(frozen=True)
class Lineup:
    """The items of a run, each in one of these.

    `crashed` are at fault, with their errors, and not tried again. `first` are tried one at a time
    before all `others`: one of them may have killed a process of this call. `last` are tried one at
    a time after all others: they killed one of an earlier call.
    """

    crashed: Sequence[tuple[Item, ItemError]]
    first: Sequence[Place]
    others: Sequence[Place]
    last: Sequence[Place]


def line_up(share: Sequence[Place], past: Past, is_dangerous: Callable[[Item], bool]) -> Lineup:
    """Return the items of a share in order; `is_dangerous` knows those of earlier calls."""
    crashed: list[tuple[Item, ItemError]] = []
    first: list[Place] = []
    others: list[Place] = []
    last: list[Place] = []
    suspects = set(past.suspects)
    for number, item in share:
        digest = digest_of(item.name) if past.workers else 0
        if error := past.crashed.get(digest):
            crashed.append((item, _of(item, error)))
        elif digest in suspects:
            first.append((number, item))
        elif is_dangerous(item):
            last.append((number, item))
        else:
            others.append((number, item))
    return Lineup(crashed, first, others, last)


def _of(item: Item, error: ItemError) -> ItemError:
    """Return an error as one of this item."""
    what = f"{item.path}: {error.what}"
    return ItemError(what, reason=error.reason, mend=error.mend, kind=error.kind)
