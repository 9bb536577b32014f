"""Points on the straight lines from the baselines to the inputs of a batch."""

from inputgrad_cli.interfaces.method import Batch
from inputgrad_cli.methods._point_chunks import Indices, interpolate
from inputgrad_cli.numeric.array_helpers import Array, take_rows


def interpolate_lines(batch: Batch, rows: Indices, fractions: Array) -> dict[str, Array]:
    """Return points on the lines of the samples `rows`, from 0 (the baseline) to 1 (the input).

    Inputs outside the sites keep their value.
    """
    points = take_rows(batch.inputs, rows)
    for site in batch.sites:
        points[site] = interpolate(batch.baseline[site], batch.inputs[site], rows, fractions)
    return points
