"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.choices import PICTURES, REDUCTIONS
from inputgrad_cli.cli.options.types import MemorySizeType, ShardType

# Options with the name of a field of Style; --picture is the exception: its field is `kind`.
STYLE_OPTIONS = ("reduce", "cmap", "clip", "alpha", "zoom", "scale")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def combine_options(*options: Decorator) -> Decorator:
    """Return one decorator that adds all options, in the order given."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


model_argument = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")

shard_option = click.option(
    "--shard",
    type=ShardType(),
    metavar="I/N",
    help="Compute part I (from 0) of N parts; `inputgrad merge` joins the results.",
)

memory_option = click.option(
    "--max-memory",
    type=MemorySizeType(),
    metavar="SIZE|auto",
    default="auto",
    show_default=True,
    help="Memory limit of the process: 800M, 4G; auto: nine tenths of the free memory.",
)

run_argument = click.argument(
    "run", type=click.Path(file_okay=False, path_type=Path), metavar="RUN"
)

verbosity_options = combine_options(
    click.option("-q", "--quiet", is_flag=True, help="Write only errors to stderr."),
    click.option(
        "-v", "--verbose", is_flag=True, help="Show all warnings, notes and TensorFlow's log."
    ),
    click.option("--no-color", is_flag=True, help="Write no colours to the terminal."),
)

json_option = click.option("--json", "json", is_flag=True, help="Write JSON to stdout.")

junit_option = click.option(
    "--junit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write a JUnit XML file for CI, with one test case per map.",
)

picture_options = combine_options(
    click.option(
        "--picture",
        type=click.Choice([*PICTURES, "none"]),
        default="overlay",
        show_default=True,
        help="overlay: the map over the input; heatmap: the map alone; panel: both and the input.",
    ),
    click.option(
        "--cmap",
        metavar="NAME",
        help="A colour map of matplotlib; default: by the sign of the values.",
    ),
    click.option(
        "--reduce",
        type=click.Choice(REDUCTIONS),
        help="How channels become one value; default: max-abs for gradients, else sum.",
    ),
    click.option(
        "--clip",
        type=click.FloatRange(0, 100, min_open=True),
        default=99.0,
        show_default=True,
        help="Percentile of the absolute values at which the colour scale ends.",
    ),
    click.option(
        "--alpha",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Opacity of the map in an overlay.",
    ),
    click.option(
        "--scale",
        type=click.Choice(["item", "run"]),
        default="item",
        show_default=True,
        help="One colour scale per picture (item), or one for all pictures (run).",
    ),
    click.option(
        "--zoom",
        type=click.IntRange(1, 64),
        help="Integer factor of enlargement; default: the short side gets at least 224 pixels.",
    ),
)


def build_style(values: dict[str, Any]) -> Any:
    """Return the Style given by the picture options, None for `--picture none`."""
    from inputgrad_cli.data.picture_style import Style

    if values["picture"] == "none":
        return None
    return Style(**get_style_fields(values))


def get_style_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of Style that the picture options in `values` set."""
    names = {"picture": "kind"} | {name: name for name in STYLE_OPTIONS}
    return {field: values[option] for option, field in names.items() if option in values}
