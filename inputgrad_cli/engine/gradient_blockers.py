"""Says why a target has no derivative at a site: what ends it, or that nothing depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.dependence import stops
from inputgrad_cli.engine.trace import Traced
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import Array, Arrays

MOVED = 1e-6  # a score that changes by more, relative to its size, has changed


def blockers(
    binding: Binding, tensors: dict[str, Any], sites: Sequence[str], head: str
) -> list[str] | None:
    """Return the operations that end the derivative from an output to sites, `Round in layer x`.

    Layers are named as TensorFlow's graph names them. The list is empty where the output does not
    depend on the sites; None where the model cannot be traced.
    """
    try:
        return stops(Traced(binding, tensors, [head] if is_tap(head) else []), sites, [head])
    except Exception:  # the user's own code may raise anything where it is traced
        return None


def sentence(names: Sequence[str]) -> str:
    """Return what has no derivative, in words."""
    return f"{' and '.join(names[:3])} {'has' if len(names) == 1 else 'have'} no derivative"


def moves(scores: Callable[[Arrays], Array], inputs: Arrays, sites: Sequence[str]) -> bool:
    """Return whether a finite change of the sites changes a score: other numbers, ids, words."""
    before = scores(inputs)
    for changed in _changes({site: inputs[site] for site in sites}):
        try:
            after = scores({**inputs, **changed})
        except ItemError:  # an id beyond the table, say
            continue
        near = np.isclose(after, before, rtol=MOVED, atol=MOVED, equal_nan=True)
        if not near.all():
            return True
    return False


def _changes(arrays: Arrays) -> Iterator[dict[str, Array]]:
    """Yield other values of the arrays, far from them and near."""
    yield {name: _filled(array, 0) for name, array in arrays.items()}
    yield {name: _filled(array, 1) for name, array in arrays.items()}
    yield {name: _flipped(array) for name, array in arrays.items()}
    yield {name: np.roll(array, 1, axis=-1) for name, array in arrays.items() if array.ndim > 1}
    yield {name: np.roll(array, 1, axis=0) for name, array in arrays.items()}
    for step in (1, 2, -1, 0.1, -100):
        yield {n: np.asarray(a + step, a.dtype) for n, a in arrays.items() if a.dtype.kind in "iuf"}


def _filled(array: Array, number: int) -> Array:
    if array.dtype.kind in "UO":
        return np.full(array.shape, ("", "inputgrad")[number])
    return np.full(array.shape, number, array.dtype)


def _flipped(array: Array) -> Array:
    """Return false for true, the sign turned, the words the other way round."""
    if array.dtype.kind in "UO":
        return np.array([str(text)[::-1] for text in array.ravel()]).reshape(array.shape)
    return ~array if array.dtype.kind == "b" else np.where(array == 0, 1, 0).astype(array.dtype)
