"""The options of `saliency` that say what is explained, how inputs are read and how to compute."""

from __future__ import annotations

from pathlib import Path

import click

from inputgrad_cli.choices import FILTERS, PRECISIONS, RESIZES, SPACES
from inputgrad_cli.cli import completion
from inputgrad_cli.cli.options.shared import combine_options, memory_option
from inputgrad_cli.cli.options.types import (
    BatchSizeType,
    ColumnsType,
    DeviceType,
    FrameType,
    NamedPathType,
    RangeType,
)

TARGET_HELP = (
    "The score to differentiate: auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, "
    "mean, max, norm, mask:PATH[,class=K], loss:NAME, file:PATH, layer:NAME/unit:I; prefix it with "
    "HEAD/ if the model has several outputs. Repeatable."
)
BASELINE_HELP = (
    "The reference input: zeros, constant:value=V, black, white, gray, blur:sigma=S, noise:std=S, "
    "uniform, file:path=P, dataset:path=P; default: black for picture files, else zeros."
)

explain_options = combine_options(
    click.option(
        "-m",
        "--method",
        multiple=True,
        default=["gradient"],
        show_default=True,
        metavar="NAME[:key=value,...]",
        shell_complete=completion.complete_method,
        help="Attribution method; `inputgrad methods` lists them. Repeatable.",
    ),
    click.option(
        "-t",
        "--target",
        multiple=True,
        default=["auto"],
        show_default=True,
        metavar="TARGET",
        shell_complete=completion.complete_target,
        help=TARGET_HELP,
    ),
    click.option(
        "--truth",
        metavar="VALUE|FILE",
        shell_complete=completion.complete_file,
        help="True values for loss: targets.",
    ),
    click.option(
        "--space",
        type=click.Choice(SPACES),
        default="auto",
        show_default=True,
        help="The score as a logit, a probability or the output as is; auto: the logit if proved.",
    ),
    click.option(
        "--wrt",
        metavar="NAME",
        shell_complete=completion.complete_wrt,
        help="Differentiate with respect to this input or layer:NAME; default: all inputs.",
    ),
    click.option(
        "--baseline",
        metavar="NAME[:key=value]",
        shell_complete=completion.complete_baseline,
        help=BASELINE_HELP,
    ),
    click.option(
        "--labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File of class names; default: MODEL.labels.txt if it exists.",
    ),
    click.option(
        "--code",
        multiple=True,
        metavar="FILE.py|MODULE",
        shell_complete=completion.complete_file,
        help="Python code of custom layers and functions. Repeatable.",
    ),
    click.option(
        "--trust-model",
        is_flag=True,
        allow_from_autoenv=False,
        help="Open models that can run code (Lambda layers, SavedModel). Command line only.",
    ),
)

input_options = combine_options(
    click.option(
        "-i",
        "--input",
        multiple=True,
        type=NamedPathType(),
        help="File or directory for one of several model inputs. Repeatable.",
    ),
    click.option(
        "--columns",
        type=ColumnsType(),
        metavar="A,B,...",
        help="Columns of a table to use as the input vector, in this order.",
    ),
    click.option(
        "--preprocess",
        default="auto",
        show_default=True,
        metavar="auto|raw|unit|tf|caffe|torch|mean=..,std=..",
        help="How pixels are scaled for the model; picture files only.",
    ),
    click.option(
        "--resize",
        type=click.Choice(RESIZES),
        default="stretch",
        show_default=True,
        help="How a picture is brought to the model's size.",
    ),
    click.option(
        "--interp",
        type=click.Choice(FILTERS),
        default="bilinear",
        show_default=True,
        help="Interpolation filter for resizing.",
    ),
    click.option(
        "--frame",
        type=FrameType(),
        metavar="N|all",
        help="Frame to read from an animated or multi-page picture, from 0; all: each as a sample.",
    ),
    click.option(
        "--input-range",
        type=RangeType(),
        metavar="LO,HI",
        help="Values of black and white in 16-bit or float pictures; default for 16 bits: 0,65535.",
    ),
)

run_options = combine_options(
    click.option(
        "--batch-size",
        type=BatchSizeType(),
        metavar="N|auto",
        default="auto",
        show_default=True,
        help="Samples per pass.",
    ),
    click.option(
        "--device",
        type=DeviceType(),
        metavar="auto|cpu|gpu[:N]",
        default="auto",
        show_default=True,
        help="Device to compute on.",
    ),
    memory_option,
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="For half-precision models: compute in float32, or as the model does.",
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed."
    ),
    click.option(
        "--tolerance",
        type=click.FloatRange(0, min_open=True),
        default=0.01,
        show_default=True,
        help="Largest allowed relative completeness gap.",
    ),
    click.option("--strict", is_flag=True, help="Exit with 1 if a check fails."),
    click.option(
        "--check-grad",
        is_flag=True,
        help="Check each gradient against finite differences of the score.",
    ),
)
