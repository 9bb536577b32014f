"""Input gradients and bias gradients of all layers, in one map."""

from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.method import Case, Method, methods
from inputgrad_cli.methods.layer._upsample import seeing, stretched
from inputgrad_cli.numeric.arrays import Array, Floats


@methods.register
@dataclass(frozen=True)
class FullGrad(Method):
    """Input times gradient, and every layer's bias times its gradient, each brought to 0..1.

    On a ReLU network the score is the sum of x * d score / d x and of all biases times their
    gradients. Values are u(x * gradient) + sum over layers of u(bias * gradient), where u takes
    absolute values, brings them to 0..1, sums over channels and goes to the size of the input,
    (B, ...) as the input; what a place has is shared evenly by its channels. Batch normalization
    counts as a bias; biases of layers without places are left out, as in the paper.
    Srinivas and Fleuret 2019, arXiv:1905.00780.
    """

    name = "fullgrad"
    family = "layer"
    paper = "arXiv:1905.00780"
    known_as = ("full-gradient", "full-gradients", "full-grad-cam")
    needs = "layer"

    @property
    def quantity(self) -> str:
        """Return what a value is."""
        return "sum of the layers' maps, each of 0 to 1, per channel"

    @property
    def sign(self) -> str:
        """Return `positive`: absolute values are added."""
        return "positive"

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the sum of all maps; one pass."""
        found, shares = engine.biases(case.inputs, case.target, case.sites)
        maps = {layer: share for layer, share in shares.items() if share.ndim > 2}
        sights = seeing(engine, case, list(maps))
        values = {}
        for site, own in _places(case).items():
            here = case.inputs[site]
            total = _unit(here * found.values[site], _others(here, own))
            for layer, share in maps.items():
                if share.ndim - 2 == len(own) and site in sights[layer]:
                    total = total + stretched(_flat(share), here.shape, own)
            width = np.prod([here.shape[axis] for axis in _others(here, own)])
            values[site] = np.asarray(np.broadcast_to(total / width, here.shape), np.float32)
        facts = {"biases": len(maps)}
        apart = found.disconnected
        return Finding(values, disconnected=apart, facts=facts, copied=frozenset(values))


def _places(case: Case) -> dict[str, tuple[int, ...]]:
    """Return the axes of places by site; sites without any are left out. UsageError for none."""
    axes = {
        site: case.spatial.get(site) or tuple(range(1, case.inputs[site].ndim - 1))
        for site in case.sites
    }
    found = {site: own for site, own in axes.items() if own}
    if not found:
        raise UsageError(
            "fullgrad draws maps over places, and no input has any",
            mend="take -m input-x-gradient or -m integrated-gradients",
        )
    return found


def _others(array: Array, places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axis for axis in range(1, array.ndim) if axis not in places)


def _unit(values: Array, channels: tuple[int, ...]) -> Floats:
    """Return the absolute values of each sample brought to 0..1, summed over channels."""
    size = np.abs(values.astype(np.float64))
    rest = tuple(range(1, size.ndim))
    low = size.min(axis=rest, keepdims=True)
    span = size.max(axis=rest, keepdims=True) - low
    unit = np.divide(size - low, span, out=np.zeros_like(size), where=span > 0)
    return np.asarray(unit.sum(axis=channels, keepdims=True))


def _flat(share: Array) -> Floats:
    """Return a layer's map, (B, ...) from (B, ..., C)."""
    return np.asarray(_unit(share, (share.ndim - 1,))[..., 0])
