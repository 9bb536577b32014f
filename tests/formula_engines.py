"""Engines without TensorFlow: models that are formulas, and a spy that notes what it was asked."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget, pin
from inputgrad_cli.data.samples import compute_keys
from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.interfaces.engine import FirstPass, Gradients
from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.numeric.array_helpers import count_rows

CHOICE = ResolvedTarget("auto", "y", "units", "output", terms=((0,),))


class Formula:
    """A model of one number: `f(inputs) -> (N,)`, `df(inputs) -> {name: (N, ...)}`."""

    def __init__(self, f, df, shapes, batch_size=7):
        self.f, self.df = f, df
        self.batch_size = batch_size
        ports = tuple(InputSpec(name, shape) for name, shape in shapes.items())
        self.signature = Signature(ports, (OutputSpec("y", (1,)),))

    def resize(self, batch_size):
        self.batch_size = batch_size

    def compute_scores(self, inputs, target):
        return self.f(inputs).astype(np.float32)

    def compute_gradients(self, inputs, target, sites):
        gradients = self.df(inputs)
        return Gradients(
            {site: gradients[site].astype(np.float32) for site in sites},
            self.compute_scores(inputs, target),
        )

    notes: ClassVar[dict] = {}
    precision = "float64"
    mode, kernels = "eager", "eigen"
    parallel_calls = 0

    def prepare(self, precision="float32", layers=(), seed=0):
        pass

    def list_sites(self, wrt=None, changeable=False):
        return {port.name: port.name for port in self.signature.inputs}

    def find_unexplained_inputs(self, sites):
        return {}

    def to_points(self, inputs, sites):
        return dict(inputs)

    def find_gradient_blockers(self, inputs, sites, target):
        return ""

    def read_tokens(self, inputs):
        return {}

    def run_first_pass(self, inputs, choices, sites, truths=(), gradients=True):
        targets = [pin(choice, count_rows(inputs)) for choice in choices]
        scores = [self.compute_scores(inputs, target) for target in targets]
        result = [self.compute_gradients(inputs, t, sites) for t in targets] if gradients else []
        return FirstPass({"y": scores[0][:, None]}, targets, scores, result)


class Wrapped:
    """An engine that passes on whatever the protocol has; every verb with arrays goes by `ask`."""

    def __init__(self, engine):
        self.engine = engine

    def ask(self, verb, inputs, *rest, **named):
        return getattr(self.engine, verb)(inputs, *rest, **named)

    @property
    def signature(self):
        return self.engine.signature

    @property
    def batch_size(self):
        return self.engine.batch_size

    @property
    def mode(self):
        return self.engine.mode

    @property
    def kernels(self):
        return self.engine.kernels

    @property
    def parallel_calls(self):
        return self.engine.parallel_calls

    @property
    def notes(self):
        return self.engine.notes

    @property
    def precision(self):
        return self.engine.precision

    def resize(self, batch_size):
        self.engine.resize(batch_size)

    def prepare(self, precision="float32", layers=(), seed=0):
        self.engine.prepare(precision, layers, seed)

    def list_sites(self, wrt=None, changeable=False):
        return self.engine.list_sites(wrt, changeable)

    def find_unexplained_inputs(self, sites):
        return self.engine.find_unexplained_inputs(sites)

    def to_points(self, inputs, sites):
        return self.ask("to_points", inputs, sites)

    def find_gradient_blockers(self, inputs, sites, target):
        return self.ask("find_gradient_blockers", inputs, sites, target)

    def find_layer_inputs(self, inputs, layers):
        return self.ask("find_layer_inputs", inputs, layers)

    def read_tokens(self, inputs):
        return self.ask("read_tokens", inputs)

    def run_first_pass(self, inputs, choices, sites, truths=(), gradients=True):
        return self.ask("run_first_pass", inputs, choices, sites, truths, gradients)

    def compute_scores(self, inputs, target):
        return self.ask("compute_scores", inputs, target)

    def compute_gradients(self, inputs, target, sites):
        return self.ask("compute_gradients", inputs, target, sites)

    def find_cam_layer(self, inputs, target):
        return self.ask("find_cam_layer", inputs, target)

    def compute_layer(self, inputs, target, name):
        return self.ask("compute_layer", inputs, target, name)

    def compute_bias_gradients(self, inputs, target, sites):
        return self.ask("compute_bias_gradients", inputs, target, sites)

    def propagate_relevance(self, inputs, target, sites, rule, baseline):
        return self.ask("propagate_relevance", inputs, target, sites, rule, baseline)


class Spy(Wrapped):
    """Passes everything on, and keeps every point that was asked about."""

    def __init__(self, engine):
        super().__init__(engine)
        self.scored, self.derived, self.largest = [], [], 0

    def _see(self, book, inputs):
        self.largest = max(self.largest, count_rows(inputs))
        book.extend({name: a[i] for name, a in inputs.items()} for i in range(count_rows(inputs)))

    def compute_scores(self, inputs, target):
        self._see(self.scored, inputs)
        return self.engine.compute_scores(inputs, target)

    def compute_gradients(self, inputs, target, sites):
        self._see(self.derived, inputs)
        return self.engine.compute_gradients(inputs, target, sites)


def linear(weights, bias=0.0, batch_size=7):
    """Return y = w . x + b."""
    w = np.asarray(weights, np.float64)
    return Formula(
        lambda x: x["x"] @ w + bias,
        lambda x: {"x": np.broadcast_to(w, x["x"].shape)},
        {"x": w.shape},
        batch_size,
    )


def quadratic(weights):
    """Return y = sum w x^2."""
    w = np.asarray(weights, np.float64)
    return Formula(lambda x: x["x"] ** 2 @ w, lambda x: {"x": 2 * w * x["x"]}, {"x": w.shape})


def relu(weights):
    """Return y = sum w max(x, 0)."""
    w = np.asarray(weights, np.float64)
    return Formula(
        lambda x: np.maximum(x["x"], 0) @ w, lambda x: {"x": w * (x["x"] > 0)}, {"x": w.shape}
    )


def product():
    """Return y = sum a b of two inputs."""
    return Formula(
        lambda x: (x["a"] * x["b"]).sum(axis=1).astype(np.float64),
        lambda x: {"a": x["b"].astype(np.float64), "b": x["a"].astype(np.float64)},
        {"a": (3,), "b": (3,)},
    )


def neighbours(features):
    """Return y = sum x^2 + sum of products of neighbours."""
    return Formula(
        lambda x: (x["x"] ** 2).sum(axis=1) + (x["x"][:, 1:] * x["x"][:, :-1]).sum(axis=1),
        lambda x: {
            "x": 2 * x["x"]
            + np.pad(x["x"][:, 1:], ((0, 0), (0, 1)))
            + np.pad(x["x"][:, :-1], ((0, 0), (1, 0)))
        },
        {"x": (features,)},
    )


class Pictures(Wrapped):
    """Shows an engine of flat inputs as one of pictures (1, W, 1)."""

    def compute_scores(self, inputs, target):
        return self.engine.compute_scores(flat(inputs), target)

    def compute_gradients(self, inputs, target, sites):
        gradients = self.engine.compute_gradients(flat(inputs), target, sites)
        return Gradients(pictures(gradients.values), gradients.scores, gradients.disconnected)


def flat(arrays):
    """Return arrays (N, W)."""
    return {name: array.reshape(len(array), -1) for name, array in arrays.items()}


def pictures(arrays):
    """Return arrays (N, 1, W, 1)."""
    return {name: array.reshape(len(array), 1, -1, 1) for name, array in arrays.items()}


def asked(method, engine, question, references=None):
    """Return what a method finds in a case of flat inputs, given what it needs.

    A method of pictures sees pictures of one row, and its values come back flat; a method that
    draws from a dataset gets the rows of `references`, by default the baselines of the case.
    """
    if method.needs == "dataset":
        given = references or {site: question.baseline[site] for site in question.sites}
        question = replace(question, references=given)
    if method.needs != "picture":
        return method.attribute(engine, question)
    shown = replace(
        question,
        inputs=pictures(question.inputs),
        baseline=pictures(question.baseline),
        spatial_axes=dict.fromkeys(question.sites, (1, 2)),
    )
    result = method.attribute(Pictures(engine), shown)
    return replace(result, values=flat(result.values))


def case(engine, inputs, baseline=None, seed=0, sites=None, tolerance=0.01):
    """Return the case of a batch: arrays by input name, or one array for the input x."""
    named = inputs if isinstance(inputs, dict) else {"x": inputs}
    named = {name: np.asarray(array, np.float32) for name, array in named.items()}
    base = {name: np.zeros_like(array) for name, array in named.items()}
    if baseline is not None:
        base |= {n: np.asarray(a, np.float32) for n, a in baseline.items()}
    wanted = tuple(sites or named)
    base |= {name: named[name] for name in named if name not in wanted}
    target = pin(CHOICE, count_rows(named))
    scores = engine.compute_scores(named, target)
    return Batch(named, target, wanted, base, compute_keys(named, seed), tolerance, scores)
