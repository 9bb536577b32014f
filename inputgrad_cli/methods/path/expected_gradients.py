"""Integrated gradients, with baselines drawn from a dataset."""

from dataclasses import dataclass

from inputgrad_cli.interfaces.method import methods
from inputgrad_cli.methods.path._dataset import Referring


@methods.register
@dataclass(frozen=True)
class ExpectedGradients(Referring):
    """Mean of input minus baseline, times the gradient between, over baselines from a dataset.

    Values are 1/n sum_i (x - b_i) * d score / d x at b_i + a_i (x - b_i), with b_i drawn from the
    samples of `--baseline dataset:path=FILE` and a_i evenly from [0, 1): (B, ...) as the input, in
    units of the score. Their mean over all draws sums to the score minus the dataset's mean score;
    how far n draws are from that mean, the recorded standard error says.
    Erion et al. 2019, arXiv:1906.10670.
    """

    name = "expected-gradients"
    paper = "arXiv:1906.10670"
    known_as = ("eg", "expected-grad")
    linear_exact = "difference times gradient"
