"""Reports what the searches of a run came to: summaries, warnings, gates, the robustness curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_attribution import read_metadata
from inputgrad_cli.interfaces.goal import PIXEL_RANGE, Goal, GoalRequest
from inputgrad_cli.optimization.attack_radius import RadiusGoal
from inputgrad_cli.optimization.summaries.fail_thresholds import list_failures
from inputgrad_cli.optimization.summaries.gradient_masking_signs import yield_masking_signs
from inputgrad_cli.optimization.summaries.run_summary import SUCCESS, Outcome, SearchSummary
from inputgrad_cli.runs.optimization.robustness_curve_files import write_robustness
from inputgrad_cli.runs.planning.goal_costs import find_units
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_events import RunWarning
from inputgrad_cli.storage.journal import Journal
from inputgrad_cli.storage.map_file_names import is_array, list_file_names
from inputgrad_cli.storage.requested_maps import MapSpec

DISTANCES = {"inf": "linf", "2": "l2", "1": "l1"}  # the name in a record, by norm


@dataclass(frozen=True)
class SearchReport:
    """The summaries of a run by goal and target, and what is to be said about them.

    `failures` are the gates that do not hold, in words.
    """

    summaries: tuple[SearchSummary, ...] = ()
    failures: tuple[str, ...] = ()
    warnings: tuple[RunWarning, ...] = ()


def report_searches(plan: Plan, journal: Journal) -> SearchReport:
    """Summarize all searches of the run that are stored, those of earlier calls among them.

    A curve over several radii is written, unless the run is a shard. Raises StorageError.
    """
    search = plan.options.search
    if search is None:
        return SearchReport()
    warnings: list[RunWarning] = []
    goals = {request.label: request for request in plan.goals}
    summaries = tuple(
        _build_summary(plan, journal, spec, goals[spec.label], warnings) for spec in plan.maps
    )
    warnings += [RunWarning(code, message) for code, message in yield_masking_signs(summaries)]
    failures = tuple(list_failures(search.gates, summaries))
    warnings += [RunWarning("gate", "; ".join(failures))] if failures else []
    if plan.options.shard is None:
        write_robustness(plan.options.out, summaries, plan.options.on_exists == "overwrite")
    return SearchReport(summaries, failures, tuple(warnings))


def _build_summary(
    plan: Plan, journal: Journal, spec: MapSpec, request: GoalRequest, warnings: list[RunWarning]
) -> SearchSummary:
    goal, units = request.goal, find_units(plan.inputs.items)
    searches: list[Any] = []
    for _, item in plan.share:
        try:
            for record in _yield_records(plan, journal, spec.build_files(item.name).stem):
                searches += _list_searches(record)
        except ItemError as error:
            warnings.append(RunWarning("summary", f"left out of the summary: {error.message}"))
    radii: tuple[float, ...] = ()
    # Where pictures and arrays are mixed, a radius has two meanings and no common curve.
    if isinstance(goal, RadiusGoal) and len(units) == 1:
        radii = tuple(radius.share for radius in goal.choose_radii(min(units)))
    return SearchSummary(
        spec.label,
        spec.target.text,
        [_read_outcome(search, goal) for search in searches],
        goal.name,
        leaves_class=goal.leaves_class and spec.target.kind == "auto",
        has_labels=plan.options.truth is not None,
        norm=_get_norm(goal),
        radii=radii,
        in_pixels=units == {PIXEL_RANGE},
        has_end=any(search["wanted"] is not None for search in searches),
    )


def _yield_records(plan: Plan, journal: Journal, stem: str) -> Iterator[MapRecord]:
    """Yield the records of a map's array files, none if it was not written."""
    line = journal.lines.get(stem)
    for name in filter(is_array, list_file_names(line or {})):
        yield MapRecord.from_json(read_metadata(plan.options.out / name))


def _list_searches(record: MapRecord) -> list[Any]:
    return [sample.search for sample in record.usable_samples if sample.search is not None]


def _get_norm(goal: Goal) -> str:
    """Return the norm in which the goal measures distances, by default the Euclidean one."""
    return str(getattr(goal, "norm", "2"))


def _read_outcome(search: Any, goal: Goal) -> Outcome:
    distances = search["distances"]
    # Of pictures these are shares of the range of pixels, as the radii of attacks are.
    distance = float(distances.get("fractions", distances)[DISTANCES[_get_norm(goal)]])
    radius = search["radius"]
    if radius is None:
        radius = distance if goal.minimal and search["search"] == SUCCESS else inf
    return Outcome(
        search["search"], distance, float(radius), search["gradient_calls"], search["stopped"]
    )
