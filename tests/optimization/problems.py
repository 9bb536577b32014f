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


def build_problem(objective, start, low=-np.inf, high=np.inf, wanted=np.inf, **more):
    """Return the problem of moving the rows of `start` (B, D); bounds and `wanted` broadcast."""
    points = np.atleast_2d(np.asarray(start, np.float32))
    bounds = [np.broadcast_to(np.asarray(b, np.float32), points.shape) for b in (low, high)]
    scores = np.broadcast_to(np.asarray(wanted, float), len(points))
    seeds = more.pop("seeds", [b"%d" % row for row in range(len(points))])
    return Problem(objective, points, *bounds, scores, seeds, **more)
