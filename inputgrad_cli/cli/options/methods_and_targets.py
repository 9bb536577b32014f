"""The options of `saliency` that say what is explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.target import LABELS, SPACE, TARGET, TRUTH

TARGET_HELP = (
    "The score to differentiate: auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, "
    "mean, max, norm, mask:PATH[,class=K], loss:NAME, file:PATH, layer:NAME/unit:I; prefix it with "
    "HEAD/ if the model has several outputs. Repeatable."
)
BASELINE_HELP = (
    "The reference input: zeros, constant:value=V, black, white, gray, blur:sigma=S, noise:std=S, "
    "uniform, file:path=P, dataset:path=P; default: black for picture files, else zeros."
)


@dataclass(frozen=True)
class ExplanationOptions(OptionGroup):
    """Methods, targets, and the score that is differentiated."""

    heading = "What to explain"

    method: tuple[str, ...] = declare_option(
        "-m",
        "--method",
        multiple=True,
        default=["gradient"],
        show_default=True,
        metavar="NAME[:key=value,...]",
        shell_complete=option_value_completion.complete_method,
        help="Attribution method; `inputgrad methods` lists them. Repeatable.",
    )
    target: tuple[str, ...] = declare_option("-t", "--target", **TARGET, help=TARGET_HELP)
    wrt: str | None = declare_option(
        "--wrt",
        metavar="NAME",
        shell_complete=option_value_completion.complete_wrt,
        help="Differentiate with respect to this input or layer:NAME; default: all inputs.",
    )
    baseline: str | None = declare_option(
        "--baseline",
        metavar="NAME[:key=value]",
        shell_complete=option_value_completion.complete_baseline,
        help=BASELINE_HELP,
    )
    space: str = declare_option("--space", **SPACE)
    labels: Path | None = declare_option("--labels", **LABELS)
    truth: str | None = declare_option("--truth", **TRUTH, help="True values for loss: targets.")
