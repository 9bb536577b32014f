"""How a run takes pixels, written into its record, so that a later one need not open the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inputgrad_cli.data.preprocessing import Pixels, Preprocess
from inputgrad_cli.formats.images.read_images import SUFFIXES
from inputgrad_cli.hashing import sha256_of
from inputgrad_cli.runs.planning.plan import Plan


def shows_pictures(plan: Plan) -> bool:
    """Return whether a picture file is among the inputs."""
    paths = (path for item in plan.found.items for path in item.paths.values())
    return any(path.suffix.lower() in SUFFIXES for path in paths)


def code_marks(code: Sequence[str]) -> list[str]:
    """Return a hash of each of the user's files, and the names of the user's modules."""
    paths = [(source, Path(source)) for source in code]
    return [sha256_of(path) if path.is_file() else source for source, path in paths]


def record_of(plan: Plan) -> dict[str, Any]:
    """Return what the record of a run says about pixels."""
    pixels = plan.pixels
    return {
        "inputs": {name: asdict(how) for name, how in pixels.inputs.items()},
        "other": asdict(pixels.other),
        "doubts": dict(pixels.doubts),
        "settled": pixels.settled,
        "code": code_marks(plan.job.code),
    }


def remembered(run: Mapping[str, Any] | None, sha256: str, code: Sequence[str]) -> Pixels | None:
    """Return what an earlier run of the same model and code was told, None where it was not."""
    told = run.get("pixels") if run else None
    if not run or not told or run["model"]["sha256"] != sha256:
        return None
    try:
        if not told["settled"] or told["code"] != list(code):
            return None
        inputs = {name: _preprocess(how) for name, how in told["inputs"].items()}
        return Pixels(_preprocess(told["other"]), inputs, dict(told["doubts"]))
    except (AttributeError, KeyError, TypeError, ValueError):  # edited, or of another version
        return None


def _preprocess(told: Mapping[str, Any]) -> Preprocess:
    return Preprocess(**{**told, "mean": tuple(told["mean"]), "std": tuple(told["std"])})
