"""Finds the sites to explain: inputs, lookups of inputs without a derivative, or layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import widen_to_float32
from inputgrad_cli.engine.adapter.tapped_forward_pass import read_taps
from inputgrad_cli.engine.adapter.type_aliases import Tensors
from inputgrad_cli.engine.input_differentiability import InputDependence
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.traced_function_compiler import Program
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, take_rows

SINGLE_VALUE_SHAPES = ((), (1,))
Dependences = Mapping[str, InputDependence]


def is_discrete(spec: InputSpec) -> bool:
    """Return whether an input holds integers or booleans."""
    return spec.kind in ("integer", "bool")


def is_held_fixed(spec: InputSpec, specs: Sequence[InputSpec], dependences: Dependences) -> bool:
    """Return whether a discrete input is held fixed, as a mask or as indices.

    It is, if another input holds token ids, or if no derivative reaches it and another input can be
    explained. A single number, such as a column of a table, is a quantity and is not held fixed
    for lack of a derivative.
    """
    if not is_discrete(spec) or dependences[spec.name].lookups:
        return False
    others = [p for p in specs if p is not spec]
    if any(dependences[p.name].lookups and p.shape not in SINGLE_VALUE_SHAPES for p in others):
        return True
    explained = any(dependences[p.name].lookups or dependences[p.name].direct for p in others)
    return spec.shape not in SINGLE_VALUE_SHAPES and not dependences[spec.name].direct and explained


def resolve_sites(
    adapter: KerasAdapter, dependences: Dependences, wrt: str | None, changed: bool = False
) -> dict[str, str]:
    """Return the engine's name of each site, and its public name. Raises UsageError.

    Sites are what can be differentiated, or with `changed` what can be changed. A category, which
    has no derivative, is then a site itself.
    """
    if wrt is not None and is_tap(wrt):
        return {wrt: wrt}
    names = [spec.name for spec in adapter.input_specs]
    if wrt is not None and wrt not in names:
        raise UsageError(
            f"--wrt {wrt}: the model has no such input", hint=f"its inputs are: {', '.join(names)}"
        )
    sites: dict[str, str] = {}
    list_input_sites = _list_changeable if changed else _list_differentiable
    for spec in adapter.input_specs:
        held = wrt is None and is_held_fixed(spec, adapter.input_specs, dependences)
        if held or wrt not in (None, spec.name):
            continue
        input_sites = list_input_sites(spec, dependences)
        for site in input_sites:
            # A lookup keeps its name if it is shared by inputs, or if the input has several.
            is_only_site = len(input_sites) == 1 and site not in sites
            sites[site] = spec.name if is_only_site else site
    return sites


def _list_differentiable(spec: InputSpec, dependences: Dependences) -> list[str]:
    dependence = dependences[spec.name]
    unused = not dependence.heads and spec.kind == "float"
    # An unused input of floats stays a site, so that it is reported as disconnected.
    is_site = dependence.direct or (unused and not dependence.lookups)
    return [spec.name] * is_site + list(dependence.lookups)


def _list_changeable(spec: InputSpec, dependences: Dependences) -> list[str]:
    """Return the input itself if it is a single value or has no lookups, else its lookups."""
    dependence = dependences[spec.name]
    is_single = spec.shape in SINGLE_VALUE_SHAPES and not dependence.split
    if dependence.direct or not dependence.lookups or is_single:
        return [spec.name]
    return list(dependence.lookups)


def to_points(runner: Runner, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
    """Return the inputs, as floats if the model takes floats, and the taps' outputs.

    Flat taps must be known to the runner's calibration, which then runs samples one by one, each
    with an output of its own.
    """
    points = _cast_inputs(runner, inputs)
    taps = [site for site in sites if is_tap(site)]
    if not taps:
        return points
    flat = runner.calibration.flat_taps

    def work(rows: Array, real: int) -> dict[str, Array]:
        arrays = _read_tap_arrays(runner, take_rows(points, rows), taps)
        wide = {
            name: array[np.newaxis] if name in flat else array for name, array in arrays.items()
        }
        return {name: array[:real] for name, array in wide.items()}

    parts = runner.map_passes(count_rows(points), work)
    return points | {tap: np.concatenate([part[tap] for part in parts]) for tap in taps}


def find_flat_taps(runner: Runner, inputs: Arrays, sites: Sequence[str]) -> frozenset[str]:
    """Return the taps among sites whose output has no batch axis, such as position embeddings."""
    taps = [site for site in sites if is_tap(site)]
    if not taps or runner.context.fixed_batch:  # a fixed batch cannot be run in two sizes
        return frozenset()
    points = _cast_inputs(runner, inputs)
    single, double = (
        _read_tap_arrays(runner, take_rows(points, [0] * size), taps) for size in (1, 2)
    )
    return frozenset(name for name in taps if single[name].shape == double[name].shape)


def _cast_inputs(runner: Runner, inputs: Arrays) -> dict[str, Array]:
    """Return the inputs as floats where the model takes floats; fed taps stay as they are."""
    return {
        name: array if is_tap(name) else runner.adapter.cast_input(name, array)
        for name, array in inputs.items()
    }


def _read_tap_arrays(runner: Runner, points: Arrays, taps: Sequence[str]) -> dict[str, Array]:
    def build_program() -> Program:
        def run(tensors: Tensors, pins: Any) -> Any:
            read = read_taps(runner.adapter, tensors, taps)
            return {name: widen_to_float32(tensor) for name, tensor in read.items()}

        return run

    # A layer can be hooked by one thread at a time.
    with runner.context.build_lock:
        values = runner.run(("taps", tuple(taps), tuple(points)), build_program, points, [])
    return {name: np.asarray(tensor) for name, tensor in values.items()}
