"""The straight lines from the baselines to the inputs of a case."""

from inputgrad_cli.interfaces.method import Case
from inputgrad_cli.numeric.arrays import Array, take
from inputgrad_cli.numeric.probes import Rows, line


def on_lines(case: Case, rows: Rows, places: Array) -> dict[str, Array]:
    """Return the points of the samples `rows` at `places` of their lines (0 is the baseline).

    Inputs outside the sites stay at their value.
    """
    points = take(case.inputs, rows)
    for site in case.sites:
        points[site] = line(case.baseline[site], case.inputs[site], rows, places)
    return points
