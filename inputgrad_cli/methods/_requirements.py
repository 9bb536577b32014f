"""What some methods cannot do without, and the sentence where it is not there."""

from collections.abc import Mapping

from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.method import Case, Method
from inputgrad_cli.numeric.arrays import Arrays


def references(method: Method, case: Case) -> Arrays:
    """Return the samples (K, ...) that baselines are drawn from; UsageError without any."""
    if not case.references:
        raise no_references(method)
    return case.references


def no_references(method: Method) -> UsageError:
    """Return the sentence about a dataset that is not there."""
    return UsageError(
        f"{method.name} draws its baselines from a dataset",
        mend="give one with --baseline dataset:path=FILE",
    )


def spatial(method: Method, case: Case) -> Mapping[str, tuple[int, int]]:
    """Return height and width axes by site; UsageError where a site is no picture."""
    for site in case.sites:
        if site not in case.spatial:
            raise no_picture(method, site)
    return case.spatial


def no_picture(method: Method, site: str) -> UsageError:
    """Return the error of a method that needs pictures where an input or layer is none."""
    return UsageError(
        f"{method.name} needs picture inputs",
        reason=f"{site!r} is none",
        mend="name a picture input with --wrt, or take -m integrated-gradients",
    )
