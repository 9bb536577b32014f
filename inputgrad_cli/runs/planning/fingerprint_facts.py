"""Builds the facts that determine the arrays of all items of a run, for their fingerprints."""

from __future__ import annotations

import hashlib

from inputgrad_cli.data.baselines import Baseline, FromFile
from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.file_hashes import compute_sha256
from inputgrad_cli.formats.baseline_files import read_baseline_bytes
from inputgrad_cli.runs.planning.preprocessing_record import hash_code
from inputgrad_cli.runs.planning.run_options import SearchOptions
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.schema.json_type_alias import JsonObject


def _hash_baseline_file(baseline: Baseline | None) -> str | None:
    """Return the hash of the file that a baseline comes from, None for other baselines."""
    if not isinstance(baseline, FromFile):
        return None
    return hashlib.sha256(read_baseline_bytes(baseline)).hexdigest()


def _format_image_options(options: ImageOptions) -> str:
    """Format the picture options for a fingerprint."""
    # Fingerprints are compared with stored ones, so the names must stay as they were.
    resize = options.resize
    return (
        f"Viewing(resize=Resize(how={resize.mode!r}, interp={resize.interp!r}), "
        f"frame={options.frame!r}, span={options.value_range!r})"
    )


def build_fingerprint_facts(plan: Plan) -> JsonObject:
    """Build the facts that determine the arrays of all items, except an item's own content."""
    options = plan.options
    return {
        "model": plan.model_file.sha256,
        "space": options.space,
        "wrt": options.wrt,
        # Compared with stored fingerprints, so baselines and their fields must keep their names.
        "baseline": [repr(plan.baseline), _hash_baseline_file(plan.baseline)],
        "preprocess": plan.pixels.list_facts(),
        "aliases": dict(options.aliases),
        "viewing": _format_image_options(options.viewing),
        # Options that came later are facts only if they are used, so that maps of earlier versions
        # count as done.
        **({"columns": list(options.columns)} if options.columns else {}),
        **({"lines": True} if options.lines else {}),
        "seed": options.seed,
        # The tolerance decides how far the steps of path methods are refined.
        "tolerance": options.tolerance,
        "code": hash_code(options.code),
        "precision": options.precision,
        **({"check_grad": True} if options.check_grad else {}),
        **(_build_search_facts(plan, options.search) if options.search else {}),
    }


def _build_search_facts(plan: Plan, search: SearchOptions) -> JsonObject:
    """Build the facts that determine the results of searches; goals are facts of their maps."""
    files = {"ranges": search.ranges, "data": search.data, "where": search.where}
    return {
        "until": search.until,
        "freeze": sorted(search.freeze),
        **{name: path and compute_sha256(path) for name, path in files.items()},
        "classes": list(plan.labels),  # a result names the classes before and after it
        **({"gif": True} if search.gif else {}),  # frames are known only while it is computed
    }
