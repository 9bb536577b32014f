"""An engine without TensorFlow whose logits are linear, with any ending."""

from collections import Counter
from typing import ClassVar

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import pin
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.interfaces.engine import FirstPass, Gradients
from inputgrad_cli.numeric.array_helpers import count_rows


class LinearEngine:
    """The logits z = W x + b of one input x (D,), with the ending softmax, sigmoid or none."""

    batch_size = 16
    notes: ClassVar[dict] = {}

    def __init__(self, weights, offsets=0.0, activation="softmax", proved=True):
        self.weights = np.atleast_2d(np.asarray(weights, float))
        self.offsets = np.broadcast_to(np.asarray(offsets, float), len(self.weights))
        note = "" if proved else "the values look like probabilities"
        head = OutputSpec(
            "y", (len(self.weights),), activation if proved else None, proved and bool(activation)
        )
        self.ending = activation
        self.signature = Signature(
            (InputSpec("x", (self.weights.shape[1],)),),
            (OutputSpec(head.name, head.shape, head.activation, head.logits_verified, note=note),),
        )
        self.calls = Counter()  # by verb, the samples that were asked about

    def logits(self, x):
        return np.asarray(x, float) @ self.weights.T + self.offsets

    def outputs(self, x):
        z = self.logits(x)
        if self.ending == "softmax":
            e = np.exp(z - z.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        return 1 / (1 + np.exp(-z)) if self.ending == "sigmoid" else z

    def _score(self, x, target, row):
        """Return the score of one sample, as the engine's documents define it."""
        resolved = target.resolved
        z = self.logits(x) if resolved.space == "logit" else self.outputs(x)
        if resolved.kind == "reduce":
            return getattr(np, resolved.argument)(z, axis=1)
        classes = target.index[row, :, 0]
        score = target.offset[row] + (target.signs[row] * z[:, classes]).sum(axis=1)
        if resolved.kind == "rival":
            rivals = np.delete(z, classes[0], axis=1)
            combine = np.logaddexp if resolved.argument == "logsumexp" else np.maximum
            score = score - combine.reduce(rivals, axis=1)
        return score

    def compute_scores(self, inputs, target):
        self.calls["scores"] += count_rows(inputs)
        return self._all_scores(inputs["x"], target)

    def _all_scores(self, x, target):
        return np.array([self._score(x[[i]], target, i)[0] for i in range(len(x))], np.float32)

    def compute_gradients(self, inputs, target, sites):
        self.calls["gradients"] += count_rows(inputs)
        x, step = np.asarray(inputs["x"], float), 1e-5
        slopes = np.zeros_like(x)
        for row, column in np.ndindex(*x.shape):
            ends = []
            for sign in (1, -1):
                point = x[[row]].copy()
                point[0, column] += sign * step
                ends.append(self._score(point, target, row)[0])
            slopes[row, column] = (ends[0] - ends[1]) / (2 * step)
        return Gradients({"x": slopes.astype(np.float32)}, self._all_scores(x, target))

    def run_first_pass(self, inputs, choices, sites, truths=(), gradients=True):
        self.calls["first"] += count_rows(inputs)
        targets = [self._pin(choice, inputs["x"]) for choice in choices]
        scores = [self._all_scores(inputs["x"], target) for target in targets]
        slopes = (
            [self.compute_gradients(inputs, target, sites) for target in targets]
            if gradients
            else []
        )
        outputs = {"y": self.outputs(inputs["x"]).astype(np.float32)}
        return FirstPass(outputs, targets, scores, slopes)

    def _pin(self, choice, x):
        if choice.kind != "rank":
            return pin(choice, len(x))
        best = np.argsort(-self.logits(x), axis=1)[:, choice.rank]
        chosen = pin(choice, len(x))
        index = best.astype(np.int32)[:, None, None]
        ones = np.ones((len(x), 1), np.float32)
        return type(chosen)(choice, index, ones, np.zeros(len(x), np.float32))

    def list_sites(self, wrt=None, changeable=False):
        return {"x": "x"}

    def find_unexplained_inputs(self, sites):
        return {}

    def find_gradient_blockers(self, inputs, sites, target):
        return ""

    def to_points(self, inputs, sites):
        return dict(inputs)


def rows_of(array):
    """Return samples of the rows of an array."""
    return Samples({"x": np.atleast_2d(np.asarray(array, np.float32))}, many=True)
