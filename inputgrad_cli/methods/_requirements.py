"""Checks of what some methods need (a dataset, pictures), and the errors if it is missing."""

from collections.abc import Mapping

from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.numeric.array_helpers import Arrays


def require_references(method: Method, batch: Batch) -> Arrays:
    """Return the samples (K, ...) from which baselines are drawn; UsageError if there are none."""
    if not batch.references:
        raise make_references_error(method)
    return batch.references


def make_references_error(method: Method) -> UsageError:
    """Return the error of a method that needs a dataset of baselines."""
    return UsageError(
        f"{method.name} draws its baselines from a dataset",
        hint="give one with --baseline dataset:path=FILE",
    )


def require_spatial_axes(method: Method, batch: Batch) -> Mapping[str, tuple[int, int]]:
    """Return the height and width axes by site; UsageError if a site is no picture."""
    for site in batch.sites:
        if site not in batch.spatial_axes:
            raise make_picture_error(method, site)
    return batch.spatial_axes


def make_picture_error(method: Method, site: str) -> UsageError:
    """Return the error of a method that needs pictures, about a site that is no picture."""
    return UsageError(
        f"{method.name} needs picture inputs",
        reason=f"{site!r} is no picture",
        hint="name a picture input with --wrt, or take -m integrated-gradients",
    )
