"""What is differentiated: inputs, embeddings in the place of inputs without numbers, layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inputgrad_cli.arrays import Array, Arrays, count, take
from inputgrad_cli.engine.binding import Binding, Tensors
from inputgrad_cli.engine.embeddings import Taps
from inputgrad_cli.engine.programs import Program
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.scalar import at_least_float32
from inputgrad_cli.engine.taps import is_tap, read_taps
from inputgrad_cli.errors import UsageError


def sites_of(binding: Binding, taps: Taps, wrt: str | None) -> dict[str, str]:
    """Return the engine's name of each site, and its public name."""
    if wrt is not None and is_tap(wrt):
        return {wrt: wrt}
    names = [port.name for port in binding.ports]
    if wrt is not None and wrt not in names:
        raise UsageError(
            f"--wrt {wrt}: the model has no such input", mend=f"its inputs are: {', '.join(names)}"
        )
    wanted = names if wrt is None else [wrt]
    for name in wanted:
        if len(taps.get(name, ())) > 1:
            raise UsageError(
                f"input {name!r} feeds several embeddings",
                mend=f"choose one: --wrt {', '.join(taps[name])}",
            )
    sites = {taps.get(n, (n,))[0]: n for n in wanted if n in taps or binding.takes_floats(n)}
    if not sites:
        raise UsageError(
            f"input {', '.join(wanted)} has no derivative and feeds no Embedding layer",
            reason="it holds whole numbers or text",
            mend="differentiate at a layer instead: --wrt layer:NAME",
        )
    return sites


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
        values = runner.run(("taps", tuple(taps)), make, points, [])
    return {name: np.asarray(tensor) for name, tensor in values.items()}
