"""Records the pixel preprocessing of a run, so that a later run need not open the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inputgrad_cli.data.preprocessing import InputPreprocessing, Preprocess
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.schema.run_json import PixelsRecord


def has_picture_files(plan: Plan) -> bool:
    """Return whether any input is a picture file, or may be a picture made from noise."""
    if any(item.is_generated for item in plan.inputs.items):
        return True
    paths = (path for item in plan.inputs.items for path in item.paths.values())
    return any(find_reader(path).kind == "image" for path in paths)


def hash_code(code: Sequence[str]) -> list[str]:
    """Return the hash of each of the user's files, and the name of each of the user's modules."""
    paths = [(source, Path(source)) for source in code]
    return [compute_sha256(path) if path.is_file() else source for source, path in paths]


def build_pixel_record(plan: Plan) -> PixelsRecord:
    """Build the part of a run's record that describes its pixel preprocessing."""
    pixels = plan.pixels
    return {
        "inputs": {name: preprocess.to_json() for name, preprocess in pixels.inputs.items()},
        "other": pixels.other.to_json(),
        "doubts": dict(pixels.doubts),
        "settled": pixels.is_final,
        "code": hash_code(plan.options.code),
    }


def read_pixel_record(
    run: Mapping[str, Any] | None, sha256: str, code: Sequence[str]
) -> InputPreprocessing | None:
    """Read the preprocessing that an earlier run of the same model and code recorded, if any."""
    record = run.get("pixels") if run else None
    if not run or not record or run["model"]["sha256"] != sha256:
        return None
    try:
        if not record["settled"] or record["code"] != list(code):
            return None
        inputs = {
            name: Preprocess.from_json(preprocess) for name, preprocess in record["inputs"].items()
        }
        return InputPreprocessing(
            Preprocess.from_json(record["other"]), inputs, dict(record["doubts"])
        )
    except (AttributeError, KeyError, TypeError, ValueError):  # edited, or of another version
        return None
