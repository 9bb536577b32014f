"""Problems whose scores are formulas, so that their optima are known on paper."""

import numpy as np

from inputgrad_cli.interfaces.goal import Evaluation, Pieces, Problem


class Linear:
    """The largest of K linear scores, w_k . x + b_k, in float64; every call is counted."""

    def __init__(self, weights, offsets=0.0):
        self.weights = np.atleast_2d(np.asarray(weights, float))
        self.offsets = np.broadcast_to(np.asarray(offsets, float), len(self.weights))
        self.points = []  # of every call, to see that none leaves its bounds

    def compute_scores(self, points, rows):
        self.points.append(np.array(points))
        return (points @ self.weights.T + self.offsets).max(axis=1)

    def compute_gradients(self, points, rows):
        self.points.append(np.array(points))
        scores = points @ self.weights.T + self.offsets
        return Evaluation(scores.max(axis=1), self.weights[scores.argmax(axis=1)])

    def compute_pieces(self, points, rows, count):
        self.points.append(np.array(points))
        scores = points @ self.weights.T + self.offsets
        order = np.argsort(-scores, axis=1)[:, :count]
        return Pieces(np.take_along_axis(scores, order, axis=1), self.weights[order])

    def round_points(self, points):
        return np.asarray(points, np.float32)


class Quadratic:
    """The score -(x - a)' A (x - a) / 2, in float64."""

    def __init__(self, matrix, optimum):
        self.matrix, self.optimum = np.asarray(matrix, float), np.asarray(optimum, float)

    def compute_scores(self, points, rows):
        return self.compute_gradients(points, rows).scores

    def compute_gradients(self, points, rows):
        difference = points - self.optimum
        slopes = difference @ self.matrix
        return Evaluation(-(difference * slopes).sum(axis=1) / 2, -slopes)

    def compute_pieces(self, points, rows, count):
        evaluation = self.compute_gradients(points, rows)
        return Pieces(evaluation.scores[:, None], evaluation.gradients[:, None])

    def round_points(self, points):
        return np.asarray(points, np.float32)


class Network:
    """The margin by which another class wins, of two random layers with tanh, in float64.

    `labels` are the classes of all items. Points are stored as whole numbers with `whole`.
    """

    def __init__(self, size, labels, *, classes=4, hidden=6, seed=0, whole=False):
        draws = np.random.default_rng(seed)
        self.inner = draws.normal(size=(hidden, size)) / np.sqrt(size)
        self.outer = draws.normal(size=(classes, hidden))
        self.scale = 100.0 if whole else 1.0  # of the values, so that tanh is not flat
        self.labels, self.whole = np.asarray(labels), whole

    def compute_pieces(self, points, rows, count):
        hidden = np.tanh(points.astype(float) @ self.inner.T / self.scale)
        logits, labels = hidden @ self.outer.T, self.labels[rows]
        each = np.arange(len(rows))
        margins = logits - logits[each, labels][:, None]
        margins[each, labels] = -np.inf
        slopes = self.outer[None] - self.outer[labels][:, None]
        gradients = slopes * (1 - hidden**2)[:, None] @ self.inner / self.scale
        order = np.argsort(-margins, axis=1, kind="stable")[:, :count]
        return Pieces(
            np.take_along_axis(margins, order, axis=1),
            np.take_along_axis(gradients, order[:, :, None], axis=1),
        )

    def compute_gradients(self, points, rows):
        pieces = self.compute_pieces(points, rows, 1)
        return Evaluation(pieces.scores[:, 0], pieces.gradients[:, 0])

    def compute_scores(self, points, rows):
        return self.compute_gradients(points, rows).scores

    def round_points(self, points):
        return np.asarray(np.rint(points) if self.whole else points, np.float32)


class Recorder:
    """Another objective, whose calls are recorded: points, rows, gradients of each item."""

    def __init__(self, objective, size):
        self.objective, self.round_points = objective, objective.round_points
        self.calls = []  # pairs of points and their rows
        self.gradient_calls, self.score_calls = np.zeros(size, int), np.zeros(size, int)

    def compute_scores(self, points, rows):
        self.calls.append((np.array(points), np.array(rows)))
        self.score_calls[rows] += 1
        return self.objective.compute_scores(points, rows)

    def compute_gradients(self, points, rows):
        self.calls.append((np.array(points), np.array(rows)))
        self.gradient_calls[rows] += 1
        return self.objective.compute_gradients(points, rows)

    def compute_pieces(self, points, rows, count):
        self.calls.append((np.array(points), np.array(rows)))
        pieces = self.objective.compute_pieces(points, rows, count)
        self.gradient_calls[rows] += (pieces.scores > -np.inf).sum(axis=1)
        return pieces


class Broken:
    """Another objective, whose gradients (or also scores) are NaN for one item."""

    def __init__(self, objective, row, *, scores=False):
        self.objective, self.round_points = objective, objective.round_points
        self.row, self.scores = row, scores

    def compute_scores(self, points, rows):
        scores = np.array(self.objective.compute_scores(points, rows))
        return np.where((rows == self.row) & self.scores, np.nan, scores)

    def compute_gradients(self, points, rows):
        evaluation = self.objective.compute_gradients(points, rows)
        gradients = np.array(evaluation.gradients, float)
        gradients[rows == self.row, -1] = np.nan
        return Evaluation(self.compute_scores(points, rows), gradients)

    def compute_pieces(self, points, rows, count):
        pieces = self.objective.compute_pieces(points, rows, count)
        gradients, scores = np.array(pieces.gradients, float), np.array(pieces.scores, float)
        gradients[rows == self.row, :, -1] = np.nan
        if self.scores:
            scores[rows == self.row] = np.nan
        return Pieces(scores, gradients)


def build_problem(objective, start, low=-np.inf, high=np.inf, wanted=np.inf, **more):
    """Return the problem of moving the rows of `start` (B, D); bounds and `wanted` broadcast."""
    points = np.atleast_2d(np.asarray(start, np.float32))
    bounds = [np.broadcast_to(np.asarray(b, np.float32), points.shape) for b in (low, high)]
    scores = np.broadcast_to(np.asarray(wanted, float), len(points))
    seeds = more.pop("seeds", [b"%d" % row for row in range(len(points))])
    return Problem(objective, points, *bounds, scores, seeds, **more)
