"""Builds the fields of item events on the machine stream; the documented contract names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.data.optimization_arrays import SEARCH_NOTE
from inputgrad_cli.runs.inputs.item_map_files import ItemMap
from inputgrad_cli.runs.planning.dry_run_files import PlannedMap
from inputgrad_cli.runs.run_events import STRONGEST, TOP_CLASSES
from inputgrad_cli.schema.file_names_in_json import to_readable_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.json_type_alias import JsonObject

CHECKS = ("finite", "zero", "completeness", "gradient")  # those that the stream contract names


def build_failed_fields(
    item_map: ItemMap, error: dict[str, str], sample: int | None = None
) -> JsonObject:
    """Return the fields of an item that failed."""
    return {**_build_common_fields(item_map, sample), "status": "failed", "error": error}


def build_stored_failure(line: JournalLine, error: dict[str, str]) -> JsonObject:
    """Return the fields of a map that is written, and whose picture failed."""
    path = {key: value for key, value in line["sources"][0].items() if key.startswith("path")}
    return {
        "input": line["input"],
        **path,
        "sample": None,
        "method": line["method"],
        "target": {"asked": line["target"]},
        "status": "failed",
        "error": error,
    }


def build_skipped_fields(item_map: ItemMap, sample: int | None) -> JsonObject:
    """Return the fields of an item that an earlier run has done."""
    return {**_build_common_fields(item_map, sample), "status": "skipped"}


def build_planned_fields(planned: PlannedMap) -> JsonObject:
    """Return the fields of an item that a dry run would make."""
    return {
        **_build_common_fields(planned.item_map, None),
        "status": "planned",
        "files": [to_readable_name(path) for path in planned.files],
        "bytes": planned.size,
    }


def build_done_fields(
    item_map: ItemMap,
    record: MapRecord,
    pictures: Sequence[Sequence[str]],
    *,
    arrays: str,
    sample: int | None,
    results: Sequence[str] = (),
    strongest: Sequence[tuple[str, float]] = (),
) -> JsonObject:
    """Return the fields of a sample that is done.

    `strongest` are the names and values of its largest parts, which are for people alone.
    `pictures` are the paths for each sample. If a sample has several, all of them are listed in
    addition to the first. `results` are the paths of what a search has moved the sample to.
    """
    sample_record = record.get_sample(sample or 0)
    picture_paths = [to_readable_name(path) for path in pictures[sample or 0]]
    return {
        **_build_common_fields(item_map, sample),
        "target": sample_record.to_target_json(),
        "space": sample_record.space,
        "score": sample_record.score,
        "probability": sample_record.probability,
        "arrays": to_readable_name(arrays),
        "picture": picture_paths[0] if picture_paths else None,
        **({"pictures": picture_paths} if len(picture_paths) > 1 else {}),
        "status": "ok",
        "checks": {k: v for k, v in sample_record.checks.items() if k in CHECKS},
        **_build_search_fields(sample_record.search, results),
        **({STRONGEST: strongest} if strongest else {}),
        **({TOP_CLASSES: top} if (top := sample_record.top_classes) else {}),
    }


def _build_search_fields(search: Mapping[str, Any] | None, results: Sequence[str]) -> JsonObject:
    """Return the fields that the item of a search has in addition."""
    if search is None:
        return {}
    fields = {key: value for key, value in search.items() if key not in ("notes", "pictures")}
    note = search.get("notes", {}).get(SEARCH_NOTE)
    return {**fields, "note": note, "results": [to_readable_name(path) for path in results]}


def list_unmet_checks(checks: Mapping[str, Any]) -> list[str]:
    """Return the names of a sample's checks that do not hold."""
    # The checks of a damaged record may lack a verdict; only one that says no is reported.
    unmet = [
        name for name, check in checks.items() if isinstance(check, dict) and not check.get("ok", 1)
    ]
    return unmet if checks.get("finite", True) else [*unmet, "finite"]


def _build_common_fields(item_map: ItemMap, sample: int | None) -> JsonObject:
    item, spec = item_map.item, item_map.spec
    path = {"path": None} if item.is_generated else next(iter(item.encoded_paths.values()))
    return {
        "input": item_map.encoded_name["input"],
        **path,
        "sample": sample,
        "method": spec.method,
        "target": {"asked": spec.target.text},
    }
