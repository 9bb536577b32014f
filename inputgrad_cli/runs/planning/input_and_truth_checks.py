"""Checks that the inputs named by the options exist, and that a loss has its true values."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.runs.planning.run_options import RunOptions


def refuse_unknown_inputs(options: RunOptions, specs: Sequence[InputSpec]) -> None:
    """Raise UsageError if `-i` or `--wrt` names an input that the model does not have."""
    names = [spec.name for spec in specs]
    listed = "the model's inputs are: " + ", ".join(str(spec) for spec in specs)
    if options.wrt is not None and options.wrt not in names and not options.wrt.startswith(LAYER):
        raise UsageError(f"--wrt {options.wrt}: the model has no such input", hint=listed)
    given = [name for name, _ in options.pairs]
    if unknown := [name for name in given if name not in names]:
        raise UsageError(f"-i {unknown[0]}=...: the model has no such input", hint=listed)
    if doubled := [name for name in given if given.count(name) > 1]:
        raise UsageError(f"-i {doubled[0]}=... is given twice")
    if given and (missing := [name for name in names if name not in given]):
        raise UsageError(f"no file is given for input {missing[0]!r}", hint=listed)


def refuse_missing_truth(options: RunOptions, targets: Sequence[Target]) -> None:
    """Raise UsageError if a target is a loss and no true values are given."""
    for target in targets:
        if target.needs_truth and options.truth is None:
            raise UsageError(
                f"target {target.text} needs the true values",
                hint="give them with --truth VALUE or FILE",
            )
