"""The order in which the items of a run are done: what killed a process is kept apart."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.supervision.earlier_workers import EarlierWorkers
from inputgrad_cli.supervision.worker import digest_of

Place = tuple[int, Item]


@dataclass(frozen=True)
class Lineup:
    """The items of a run, each in one of these.

    `crashed` are at fault, with their errors, and not tried again. `first` are tried one at a time
    before all `others`: one of them may have killed a process of this call. `last` are tried one at
    a time after all others: they killed one of an earlier call. `over` counts those with which
    earlier processes of this call are through; they are among the others.
    """

    crashed: Sequence[tuple[Item, ItemError]]
    first: Sequence[Place]
    others: Sequence[Place]
    last: Sequence[Place]
    over: int = 0


def line_up(plan: Plan, earlier: EarlierWorkers, over: Set[str], dangerous: Set[str]) -> Lineup:
    """Return the items of a run in order.

    `over` are the stems of the maps that this call has told of, `dangerous` those of the maps at
    which an earlier call died.
    """
    crashed: list[tuple[Item, ItemError]] = []
    first: list[Place] = []
    others: list[Place] = []
    last: list[Place] = []
    suspects, through = set(earlier.suspects), 0
    for number, item in plan.share:
        digest = digest_of(item.name) if earlier.workers else 0
        stems = {made.stem(item.name) for made in plan.maps} if over or dangerous else set()
        through += bool(stems) and stems <= over
        if error := earlier.crashed.get(digest):
            crashed.append((item, _of(item, error)))
        elif digest in suspects:
            first.append((number, item))
        elif stems & dangerous:
            last.append((number, item))
        else:
            others.append((number, item))
    return Lineup(crashed, first, others, last, through)


def _of(item: Item, error: ItemError) -> ItemError:
    """Return an error as one of this item."""
    what = f"{item.path}: {error.what}"
    return ItemError(what, reason=error.reason, mend=error.mend, kind=error.kind)
