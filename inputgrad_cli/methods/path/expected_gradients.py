"""Integrated gradients, with baselines drawn from a dataset."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.path._dataset import DatasetBaselineMethod


@methods.register
@dataclass(frozen=True)
class ExpectedGradients(DatasetBaselineMethod):
    """Mean of (input - baseline) times the gradient between them, over baselines from a dataset.

    Values are 1/n sum_i (x - b_i) * d score / d x at b_i + a_i (x - b_i), with b_i drawn from the
    samples of `--baseline dataset:path=FILE` and a_i evenly from [0, 1): (B, ...) as the input, in
    units of the score. Their expectation sums to the score minus the mean score of the dataset;
    the recorded standard error says how far the mean of n draws is from it.
    Erion et al. 2019, arXiv:1906.10670.
    """

    name = "expected-gradients"
    paper = "arXiv:1906.10670"
    aliases = ("eg", "expected-grad")
    linear_exact = "difference times gradient"
