"""Orders the items of a run so that items that killed a process run alone."""

from __future__ import annotations

from array import array
from collections.abc import Sequence, Set
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.runs.inputs.file_items import IndexedItem, IndexedItems
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.inputs.item_map_files import list_item_maps
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.supervision.worker_crash_history import EarlierWorkers
from inputgrad_cli.supervision.worker_state_reporting import digest_name


@dataclass(frozen=True)
class ItemOrder:
    """The items of a run; each is in one of the four sequences.

    `crashed` have killed a process of this call, and are not tried again. `first` run one at a
    time before all `others`, because one of them may have killed a process of this call. `last`
    run one at a time after all others, because they killed a process of an earlier call.
    `finished_count` is how many items earlier processes of this call have finished; these are
    among the others.
    """

    crashed: Sequence[tuple[Item, ItemError]]
    first: Sequence[IndexedItem]
    others: Sequence[IndexedItem]
    last: Sequence[IndexedItem]
    finished_count: int = 0


def order_items(
    plan: Plan, earlier: EarlierWorkers, finished_stems: Set[str], dangerous: Set[str]
) -> ItemOrder:
    """Order the items of a run.

    `finished_stems` are the stems of the maps that this call has reported, `dangerous` those of
    the maps at which an earlier call died.
    """
    share = plan.share
    if not (earlier.worker_count or finished_stems or dangerous):
        return ItemOrder((), (), share, ())
    crashed: list[tuple[Item, ItemError]] = []
    first: list[IndexedItem] = []
    others = array("Q")
    last: list[IndexedItem] = []
    suspects, finished = set(earlier.suspects), 0
    for index, item in share:
        # Earlier processes have identified their items by digests of the names.
        digest = digest_name(item.name)
        stems = {item_map.stem for item_map in list_item_maps(item, plan.maps)}
        finished += stems <= finished_stems
        if error := earlier.crashed.get(digest):
            crashed.append((item, _name_item(item, error)))
        elif digest in suspects:
            first.append((index, item))
        elif stems & dangerous:
            last.append((index, item))
        else:
            others.append(index)
    return ItemOrder(crashed, first, IndexedItems(plan.inputs.items, others), last, finished)


def _name_item(item: Item, error: ItemError) -> ItemError:
    """Return the error with the item's path in front of its message."""
    message = f"{item.path}: {error.message}"
    return ItemError(message, reason=error.reason, hint=error.hint, kind=error.kind)
