"""Explains why a target has no derivative at a site or input, such as an operation that ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.attribution_sites import Dependences, is_held_fixed
from inputgrad_cli.engine.input_differentiability import find_blocking_operations
from inputgrad_cli.engine.one_sample_forward_trace import TracedPass
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.score_gradient_functions import run_scores
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import Array, Arrays, swap_zeros, take_rows

SCORE_TOLERANCE = 1e-6  # a score that changes by more, relative to its size, has changed


class BlockerFinder:
    """Finds why targets have no derivative at sites; answers are kept."""

    def __init__(self) -> None:
        self._reasons: dict[Any, str] = {}

    def find(
        self, runner: Runner, inputs: Arrays, *, sites: Sequence[str], target: PinnedTarget
    ) -> str:
        """Return why the target has no derivative at the sites, an empty text if it is independent.

        The target is independent if no operations connect it to the sites and finite changes of the
        sites, which are tried, change no score.
        """
        key = (target.resolved.to_trace_key(pinned=True), tuple(sites))
        if key not in self._reasons:
            reason = _find_reason(runner, inputs, sites=sites, target=target)
            if reason is None:  # other inputs may still change a score
                return ""
            self._reasons[key] = reason
        return self._reasons[key]


def _find_reason(
    runner: Runner, inputs: Arrays, *, sites: Sequence[str], target: PinnedTarget
) -> str | None:
    """Return the reason, "" if the target is independent, None if that is not certain."""
    with runner.begin_pass():
        tensors = runner.adapter.to_tensors(take_rows(inputs, runner.list_first_rows()))
        operations = _trace_blocking_operations(
            runner.adapter, tensors, sites, target.resolved.head
        )
    if operations:
        return _describe_blockers(operations)
    if _can_change_scores(lambda points: run_scores(runner, points, target), inputs, sites):
        return "no derivative leads back to it"
    return None if operations is None else ""


def _trace_blocking_operations(
    adapter: KerasAdapter, tensors: Tensors, sites: Sequence[str], head: str
) -> list[str] | None:
    """Return the operations that end the derivative from an output to sites, as `Round in layer x`.

    Layers are named as TensorFlow's graph names them. The list is empty if the output does not
    depend on the sites. Return None if the model cannot be traced.
    """
    try:
        return find_blocking_operations(
            TracedPass(adapter, tensors, [head] if is_tap(head) else []), sites, [head]
        )
    except Exception:  # the user's own code may raise anything where it is traced
        return None


def explain_exclusions(
    specs: Sequence[InputSpec], dependences: Dependences, sites: Sequence[str]
) -> dict[str, str]:
    """Return the inputs that none of the sites explains, each with the reason."""
    return {
        spec.name: _explain_exclusion(spec, specs, dependences)
        for spec in specs
        if not {spec.name, *dependences[spec.name].lookups} & set(sites)
    }


def _explain_exclusion(
    spec: InputSpec, specs: Sequence[InputSpec], dependences: Dependences
) -> str:
    if is_held_fixed(spec, specs, dependences):
        return "it holds whole numbers beside other inputs, as a mask or indices do"
    if not dependences[spec.name].heads:
        return "no output depends on it"
    return _describe_blockers(dependences[spec.name].blockers)


def _describe_blockers(names: Sequence[str]) -> str:
    """Return a phrase which says that the operations have no derivative."""
    return f"{' and '.join(names[:3])} {'has' if len(names) == 1 else 'have'} no derivative"


def _can_change_scores(
    scores: Callable[[Arrays], Array], inputs: Arrays, sites: Sequence[str]
) -> bool:
    """Return whether a finite change of the sites (other numbers, ids, words) changes a score."""
    before = scores(inputs)
    for changed in _yield_changed_arrays({site: inputs[site] for site in sites}):
        try:
            after = scores({**inputs, **changed})
        except ItemError:  # for example an id beyond the table
            continue
        near = np.isclose(after, before, rtol=SCORE_TOLERANCE, atol=SCORE_TOLERANCE, equal_nan=True)
        if not near.all():
            return True
    return False


def _yield_changed_arrays(arrays: Arrays) -> Iterator[dict[str, Array]]:
    """Yield altered copies of the arrays, by large and small changes."""
    yield {name: _fill(array, 0) for name, array in arrays.items()}
    yield {name: _fill(array, 1) for name, array in arrays.items()}
    yield {name: _flip(array) for name, array in arrays.items()}
    yield {name: np.roll(array, 1, axis=-1) for name, array in arrays.items() if array.ndim > 1}
    yield {name: np.roll(array, 1, axis=0) for name, array in arrays.items()}
    # Whole steps move ids and categories; the last one leaves a region where the score is flat.
    for step in (1, 2, -1, 0.1, -100):
        yield {n: np.asarray(a + step, a.dtype) for n, a in arrays.items() if a.dtype.kind in "iuf"}


def _fill(array: Array, value: int) -> Array:
    if array.dtype.kind in "UO":
        return np.full(array.shape, ("", "inputgrad")[value])
    return np.full(array.shape, value, array.dtype)


def _flip(array: Array) -> Array:
    """Return the reversed texts, or 1 for every 0 and 0 for the rest."""
    if array.dtype.kind in "UO":
        return np.array([str(text)[::-1] for text in array.ravel()]).reshape(array.shape)
    return swap_zeros(array)
