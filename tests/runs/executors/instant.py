"""A worker that computes nothing: it answers as if all maps of a chunk were written."""

import pickle

from inputgrad_cli.runs.executors.dask_worker_processes import ChunkReport
from inputgrad_cli.runs.executors.item_runner_protocol import WrittenBatch
from inputgrad_cli.runs.run_events import ItemEvent
from inputgrad_cli.runs.written_maps import WriteResult, WrittenMap

HASH = "0" * 64
TARGET = {"asked": "auto", "output": "probs", "index": [3], "label": "cat", "class": None}
CHECKS = {"finite": True, "zero": False}


def answer_at_once(request, start, chunk):
    """Return the report of a chunk, with records as long as those of real maps."""
    maps = [build_map(item_map) for task in pickle.loads(chunk) for item_map, _ in task.maps]
    return ChunkReport((pickle.dumps(WrittenBatch(WriteResult(maps), len(maps), None)),))


def build_map(item_map):
    """Return the records of a map that has an array and a picture."""
    stem, item = item_map.stem, item_map.item
    files = [
        {"path": f"{stem}.{ending}", "size": 4000, "sha256": HASH} for ending in ("npz", "png")
    ]
    common = {"method": item_map.spec.label, "status": "ok"}
    line = {
        "stem": stem,
        "input": item.name,
        "target": "auto",
        "samples": None,
        "unmet": 0,
        "fingerprint": HASH,
        "sources": [{"for": None, "path": str(item.path), "sha256": HASH}],
        "shapes": {"picture": [8, 8, 3]},
        "drawn": True,
        "files": files,
        **common,
    }
    fields = {
        "input": item.name,
        "path": str(item.path),
        "sample": None,
        "target": TARGET,
        "space": "logit",
        "score": 7.21,
        "probability": 0.981,
        "checks": CHECKS,
        "arrays": f"out/{stem}.npz",
        "picture": f"out/{stem}.png",
        "seconds": 0.02,
        **common,
    }
    return WrittenMap(stem, line, [ItemEvent(fields)])
