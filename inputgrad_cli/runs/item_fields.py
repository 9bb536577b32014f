"""The fields of an item on the machine stream, as the contract names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.planning.dry_run import Move
from inputgrad_cli.schema.encoded_names import plain, spoken
from inputgrad_cli.storage.file_names import Map

CHECKS = ("finite", "zero", "completeness", "gradient")  # those that the contract names


def failed_fields(
    item: Item, made: Map, error: dict[str, str], sample: int | None = None
) -> dict[str, Any]:
    """Return the fields of an item that failed."""
    return {**_head(item, made, sample), "status": "failed", "error": error}


def skipped_fields(item: Item, made: Map, sample: int | None) -> dict[str, Any]:
    """Return the fields of an item that an earlier run has done."""
    return {**_head(item, made, sample), "status": "skipped"}


def planned_fields(move: Move) -> dict[str, Any]:
    """Return the fields of an item that a dry run would make."""
    return {
        **_head(move.item, move.made, None),
        "status": "planned",
        "files": [plain(path) for path in move.files],
        "bytes": move.size,
    }


def done_fields(
    item: Item,
    made: Map,
    attribution: Attribution,
    pictures: Sequence[Sequence[str]],
    arrays: str,
    sample: int | None,
) -> dict[str, Any]:
    """Return the fields of a sample that is done, as the contract names them.

    `pictures` are those of each sample; where one has several, all are listed beside the first.
    """
    meta = attribution.metadata

    def at(value: Any) -> Any:
        return value if sample is None else value[sample]

    def own(value: Any) -> Any:
        return at(value) if isinstance(value, list) else value

    target = {
        "asked": own(meta["target"]["asked"]),
        "output": own(meta["target"]["output"]),
        "index": at(meta["target"]["index"]),
        "label": at(meta["target"]["label"]),
        "class": at(meta["target"]["class"]),
    }
    shown = [plain(path) for path in pictures[sample or 0]]
    return {
        **_head(item, made, sample),
        "target": target,
        "space": own(meta["space"]),
        "score": at(meta["score"]),
        "probability": at(meta["probability"]),
        "arrays": plain(arrays),
        "picture": shown[0] if shown else None,
        **({"pictures": shown} if len(shown) > 1 else {}),
        "status": "ok",
        "checks": {k: v for k, v in at(meta["checks"]).items() if k in CHECKS},
    }


def unmet(checks: Mapping[str, Any]) -> list[str]:
    """Return the checks of a sample that do not hold."""
    bad = [name for name, told in checks.items() if isinstance(told, dict) and not told["ok"]]
    return bad if checks["finite"] else [*bad, "finite"]


def _head(item: Item, made: Map, sample: int | None) -> dict[str, Any]:
    return {
        "input": plain(item.name),
        **spoken("path", str(item.path)),
        "sample": sample,
        "method": made.method,
        "target": {"asked": made.target.asked},
    }
