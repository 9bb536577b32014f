"""Formulas of one input, and what methods of scores alone find in pictures of them."""

from dataclasses import replace

import numpy as np

from inputgrad_cli.methods import methods
from tests.formula_engines import Formula, case

from . import X

HALF = np.full_like(X, 0.5)
WIDE = np.linspace(-1.0, 2.0, 39).reshape(3, 13)  # too wide for all coalitions


def formula(f, *shape):
    """Return the model of one input that `f`, of arrays (N, ...), is."""
    return Formula(lambda x: f(np.asarray(x["x"], np.float64)), None, {"x": shape})


def pictures(text, f, x, baseline=0.0, axes=(1, 2)):
    """Return what a method finds in pictures, against a flat baseline."""
    x = np.asarray(x, np.float32)
    engine = formula(f, *x.shape[1:])
    question = replace(case(engine, x, {"x": np.full_like(x, baseline)}), spatial_axes={"x": axes})
    return methods.build(text).attribute(engine, question).values["x"]
