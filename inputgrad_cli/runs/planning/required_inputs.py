"""Whether what a job asks by name is there: the model's inputs, and the true values of a loss."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.signature import Port
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.planning.options import Job


def refuse_inputs(job: Job, ports: Sequence[Port]) -> None:
    """Raise UsageError where `-i` or `--wrt` name other inputs than the model's."""
    names = [port.name for port in ports]
    listed = "the model's inputs are: " + ", ".join(str(port) for port in ports)
    if job.wrt is not None and job.wrt not in names and not job.wrt.startswith(LAYER):
        raise UsageError(f"--wrt {job.wrt}: the model has no such input", mend=listed)
    given = [name for name, _ in job.pairs]
    if unknown := [name for name in given if name not in names]:
        raise UsageError(f"-i {unknown[0]}=...: the model has no such input", mend=listed)
    if doubled := [name for name in given if given.count(name) > 1]:
        raise UsageError(f"-i {doubled[0]}=... is given twice")
    if given and (missing := [name for name in names if name not in given]):
        raise UsageError(f"no file is given for input {missing[0]!r}", mend=listed)


def refuse_without_truth(job: Job, targets: Sequence[Target]) -> None:
    """Raise UsageError where a target is a loss and no true values are given."""
    for target in targets:
        if target.needs_truth and job.truth is None:
            raise UsageError(
                f"target {target.asked} needs the true values",
                mend="give them with --truth VALUE or FILE",
            )
