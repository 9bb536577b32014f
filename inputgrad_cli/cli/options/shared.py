"""Options that several commands share, each defined once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from inputgrad_cli.choices import PICTURES, REDUCTIONS
from inputgrad_cli.cli.options.types import Share, Size

STYLES = ("reduce", "cmap", "clip", "alpha", "zoom", "scale")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """Return one decorator that adds the options in the order given."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


model_argument = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")

shard_option = click.option(
    "--shard",
    type=Share(),
    metavar="I/N",
    help="Do share I, from 0, of N, by the names of the items; `inputgrad merge` joins them.",
)

memory_option = click.option(
    "--max-memory",
    type=Size(),
    metavar="SIZE|auto",
    default="auto",
    show_default=True,
    help="What this process may hold: 800M, 4G; auto: nine tenths of what is left here.",
)

run_argument = click.argument(
    "run", type=click.Path(file_okay=False, path_type=Path), metavar="RUN"
)

verbosity = together(
    click.option("-q", "--quiet", is_flag=True, help="Say nothing on stderr but errors."),
    click.option(
        "-v", "--verbose", is_flag=True, help="Say more, TensorFlow's own words included."
    ),
    click.option("--no-color", is_flag=True, help="No colours on the terminal."),
)

json_option = click.option("--json", "json", is_flag=True, help="JSON on stdout.")

junit_option = click.option(
    "--junit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write JUnit XML for CI as well: one testcase a map.",
)

drawing = together(
    click.option(
        "--picture",
        type=click.Choice([*PICTURES, "none"]),
        default="overlay",
        show_default=True,
        help="What to draw.",
    ),
    click.option("--cmap", metavar="NAME", help="A colour map of matplotlib's."),
    click.option(
        "--reduce",
        type=click.Choice(REDUCTIONS),
        help="Channels to one value; default max-abs for gradients, sum for attributions.",
    ),
    click.option(
        "--clip",
        type=click.FloatRange(0, 100, min_open=True),
        default=99.0,
        show_default=True,
        help="The percentile of absolute values at the end of the colour scale.",
    ),
    click.option(
        "--alpha",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="How much the heat covers the picture.",
    ),
    click.option(
        "--scale",
        type=click.Choice(["item", "run"]),
        default="item",
        show_default=True,
        help="A colour scale for each picture, or one for the run.",
    ),
    click.option(
        "--zoom",
        type=click.IntRange(1, 64),
        help="Whole factor of enlargement; default: to at least 224 pixels.",
    ),
)


def style_from(values: dict[str, Any]) -> Any:
    """Return the style that the drawing options ask for, None for `--picture none`."""
    from inputgrad_cli.rendering.style import Style

    if values["picture"] == "none":
        return None
    return Style(**style_fields(values))


def style_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a style that the drawing options among `values` set."""
    names = {"picture": "kind"} | {name: name for name in STYLES}
    return {field: values[option] for option, field in names.items() if option in values}
