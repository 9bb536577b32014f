"""Builds the journal lines of maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inputgrad_cli.runs.inputs.item_map_files import ItemMap
from inputgrad_cli.runs.item_event_fields import list_unmet_checks
from inputgrad_cli.runs.run_events import Event, ItemEvent
from inputgrad_cli.runs.tasks.write_tasks import MapTask
from inputgrad_cli.schema.json_type_alias import JsonObject


def build_line(task: MapTask, events: Sequence[Event], has_pictures: bool) -> JsonObject:
    """Build the journal line of a written map, without its files."""
    samples = task.loaded.samples
    return {
        **_build_line_key(task.item_map, task.loaded.hashes),
        # Failed although there is a map, so that the next call tries those samples again.
        "status": "failed" if samples.failed else "ok",
        "samples": samples.sample_count,
        "unmet": sum(_is_unmet(event) for event in events),
        "drawn": has_pictures,
        "fingerprint": task.fingerprint,
        **({} if task.scale_group is None else {"scale_group": task.scale_group}),
    }


def _is_unmet(event: Event) -> bool:
    """Return whether a check of a sample does not hold."""
    if not isinstance(event, ItemEvent) or event.status != "ok":
        return False
    return bool(list_unmet_checks(event.fields["checks"]))


def build_failed_line(item_map: ItemMap, error: dict[str, str]) -> JsonObject:
    """Build the journal line of a map that has failed."""
    return {**_build_line_key(item_map, {}), "status": "failed", "error": error}


def _build_line_key(item_map: ItemMap, hashes: Mapping[str | None, str]) -> JsonObject:
    """Build the first fields of a line; `hashes` are those of the files that could be read."""
    sources = [
        {"for": name, **path, **({"sha256": hashes[name]} if name in hashes else {})}
        for name, path in item_map.item.encoded_paths.items()
    ]
    return {
        **item_map.files.encoded,
        **item_map.encoded_name,
        "sources": sources,
        "method": item_map.spec.label,
        "target": item_map.spec.target.text,
    }
