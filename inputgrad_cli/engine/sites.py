"""What is explained: inputs, lookups in the place of inputs without numbers, layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inputgrad_cli.data.signature import Port
from inputgrad_cli.engine.adapter.forward import read_taps
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.adapter.scores import at_least_float32
from inputgrad_cli.engine.computations import Program
from inputgrad_cli.engine.dependence import Way
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import Array, Arrays, count, take

SINGLE = ((), (1,))
Ways = Mapping[str, Way]


def is_whole(port: Port) -> bool:
    """Return whether an input holds whole numbers or truth values."""
    return port.kind in ("integer", "bool")


def is_held(port: Port, ports: Sequence[Port], ways: Ways) -> bool:
    """Return whether an input of whole numbers stays at its value: a mask or indices.

    Beside token ids such numbers are no amounts, nor are they where no derivative reaches them and
    another input can be explained. A single number, as in a column of a table, is one.
    """
    if not is_whole(port) or ways[port.name].lookups:
        return False
    others = [p for p in ports if p is not port]
    if any(ways[p.name].lookups and p.shape not in SINGLE for p in others):
        return True
    explained = any(ways[p.name].lookups or ways[p.name].direct for p in others)
    return port.shape not in SINGLE and not ways[port.name].direct and explained


def sites_of(
    binding: Binding, ways: Ways, wrt: str | None, changed: bool = False
) -> dict[str, str]:
    """Return the engine's name of each site, and its public name; UsageError for no such input.

    Those that can be differentiated, or with `changed` those that can be changed: a category, which
    has no derivative, is then a site itself.
    """
    if wrt is not None and is_tap(wrt):
        return {wrt: wrt}
    names = [port.name for port in binding.ports]
    if wrt is not None and wrt not in names:
        raise UsageError(
            f"--wrt {wrt}: the model has no such input", mend=f"its inputs are: {', '.join(names)}"
        )
    found: dict[str, str] = {}
    for port in binding.ports:
        if port.name == wrt or (wrt is None and not is_held(port, binding.ports, ways)):
            own = _changed(port, ways) if changed else _differentiated(port, ways)
            for site in own:
                # A lookup of several inputs, or one of several of an input, has a name of its own.
                alone = len(own) == 1 and site not in found
                found[site] = port.name if alone else site
    return found


def _differentiated(port: Port, ways: Ways) -> list[str]:
    way = ways[port.name]
    unused = not way.heads and port.kind == "float"
    return [port.name] * (way.direct or (unused and not way.lookups)) + list(way.lookups)


def _changed(port: Port, ways: Ways) -> list[str]:
    """Return the input itself where it is one value, or nothing else; else what it looks up."""
    way = ways[port.name]
    if way.direct or not way.lookups or (port.shape in SINGLE and not way.split):
        return [port.name]
    return list(way.lookups)


def lift(runner: Runner, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
    """Return the inputs as points: floats where they are fed so, the taps' outputs added."""
    points = {
        name: array if is_tap(name) else runner.binding.as_fed(name, array)
        for name, array in inputs.items()
    }
    taps = [site for site in sites if is_tap(site)]
    if not taps:
        return points
    flat = set() if runner.fixed else _without_batch(runner, points, taps)
    runner.alone = runner.alone or bool(flat)

    def work(rows: Array, real: int) -> dict[str, Array]:
        found = _read(runner, take(points, rows), taps)
        wide = {name: array[np.newaxis] if name in flat else array for name, array in found.items()}
        return {name: array[:real] for name, array in wide.items()}

    parts = runner.each(count(points), work)
    return points | {tap: np.concatenate([part[tap] for part in parts]) for tap in taps}


def _without_batch(runner: Runner, points: Arrays, taps: Sequence[str]) -> set[str]:
    """Return the layers whose output has no batch axis: positions that all samples share.

    Samples then run one by one, each with an output of its own.
    """
    one, two = (_read(runner, take(points, [0] * number), taps) for number in (1, 2))
    return {name for name in taps if one[name].shape == two[name].shape}


def _read(runner: Runner, points: Arrays, taps: Sequence[str]) -> dict[str, Array]:
    def make() -> Program:
        def run(tensors: Tensors, pins: Any) -> Any:
            read = read_taps(runner.binding, tensors, taps)
            return {name: at_least_float32(tensor) for name, tensor in read.items()}

        return run

    # A layer can be hooked by one thread at a time.
    with runner.making:
        values = runner.run(("taps", tuple(taps), tuple(points)), make, points, [])
    return {name: np.asarray(tensor) for name, tensor in values.items()}
