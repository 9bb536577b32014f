"""The options of `saliency`, in the groups in which they are read."""

from __future__ import annotations

from pathlib import Path

import click

from inputgrad_cli.choices import FILTERS, PRECISIONS, RESIZES, SPACES
from inputgrad_cli.cli import completion
from inputgrad_cli.cli.options.shared import memory_option, together
from inputgrad_cli.cli.options.types import BatchSize, Columns, Device, Frame, Pair, Range

TARGETS = (
    "What is differentiated: auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, "
    "mean, max, norm, mask:PATH[,class=K], loss:NAME, file:PATH, layer:NAME/unit:I; HEAD/ before "
    "it where there are several outputs. Repeatable."
)
BASELINES = (
    "zeros, constant:value=V, black, white, gray, blur:sigma=S, noise:std=S, uniform, file:path=P, "
    "dataset:path=P; default black for picture files, else zeros."
)

asking = together(
    click.option(
        "-m",
        "--method",
        multiple=True,
        default=["gradient"],
        show_default=True,
        metavar="NAME[:key=value,...]",
        shell_complete=completion.methods,
        help="How; `inputgrad methods` lists them. Repeatable.",
    ),
    click.option(
        "-t",
        "--target",
        multiple=True,
        default=["auto"],
        show_default=True,
        metavar="TARGET",
        shell_complete=completion.targets,
        help=TARGETS,
    ),
    click.option(
        "--truth",
        metavar="VALUE|FILE",
        shell_complete=completion.files,
        help="Labels for loss: targets.",
    ),
    click.option(
        "--space",
        type=click.Choice(SPACES),
        default="auto",
        show_default=True,
        help="Logit or probability; auto: the logit where it is found and proved.",
    ),
    click.option(
        "--wrt",
        metavar="NAME",
        shell_complete=completion.places,
        help="The input, or layer:NAME, to differentiate; default: all inputs.",
    ),
    click.option(
        "--baseline",
        metavar="NAME[:key=value]",
        shell_complete=completion.baselines,
        help=BASELINES,
    ),
    click.option(
        "--labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Class names; default MODEL.labels.txt if it is there.",
    ),
    click.option(
        "--code",
        multiple=True,
        metavar="FILE.py|MODULE",
        shell_complete=completion.files,
        help="Your own layers and functions. Repeatable.",
    ),
    click.option(
        "--trust-model",
        is_flag=True,
        allow_from_autoenv=False,
        help="Open what can run code: Lambda layers, SavedModel. A flag only.",
    ),
)

reading = together(
    click.option(
        "-i",
        "--input",
        multiple=True,
        type=Pair(),
        help="A file or directory for one of several model inputs. Repeatable.",
    ),
    click.option(
        "--columns",
        type=Columns(),
        metavar="A,B,...",
        help="The columns of a table that feed a vector, in its order.",
    ),
    click.option(
        "--preprocess",
        default="auto",
        show_default=True,
        metavar="auto|raw|unit|tf|caffe|torch|mean=..,std=..",
        help="From pixels to what the model takes; picture files only.",
    ),
    click.option(
        "--resize",
        type=click.Choice(RESIZES),
        default="stretch",
        show_default=True,
        help="How a picture gets the model's size.",
    ),
    click.option(
        "--interp",
        type=click.Choice(FILTERS),
        default="bilinear",
        show_default=True,
        help="The filter it is resized with.",
    ),
    click.option(
        "--frame",
        type=Frame(),
        metavar="N|all",
        help="Which frame of a picture file of several, from 0; all: one sample a frame.",
    ),
    click.option(
        "--input-range",
        type=Range(),
        metavar="LO,HI",
        help="Black and white in pictures of 16 bits or floats; default for 16 bits: all of them.",
    ),
)

computing = together(
    click.option(
        "--batch-size",
        type=BatchSize(),
        metavar="N|auto",
        default="auto",
        show_default=True,
        help="Samples a pass.",
    ),
    click.option(
        "--device",
        type=Device(),
        metavar="auto|cpu|gpu[:N]",
        default="auto",
        show_default=True,
        help="Where to compute.",
    ),
    memory_option,
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="Of models that compute in half precision: float32, or as the model does.",
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all draws."
    ),
    click.option(
        "--tolerance",
        type=click.FloatRange(0, min_open=True),
        default=0.01,
        show_default=True,
        help="Completeness gap allowed, relative.",
    ),
    click.option("--strict", is_flag=True, help="Exit with 1 if a check does not hold."),
    click.option(
        "--check-grad",
        is_flag=True,
        help="Hold each gradient against finite differences of the score, and record it: a check.",
    ),
)
