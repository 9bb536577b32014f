"""The options of `saliency` and `render` that say how pictures are drawn."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.picture_kinds import DEFAULT, PictureKindType, format_kinds_help
from inputgrad_cli.cli.options.types import ShowType
from inputgrad_cli.option_choices import REDUCTIONS, SHOWN

if TYPE_CHECKING:
    from inputgrad_cli.data.pictures.picture_style import Style


@dataclass(frozen=True)
class PictureOptions(OptionGroup):
    """The style of the pictures; all but `picture` have the names of the fields of Style."""

    heading = "Pictures"

    picture: str = declare_option(
        "--picture",
        type=PictureKindType(),
        metavar="KIND",  # the help says the kinds, which make a line of their own too wide
        default=DEFAULT,
        show_default=True,
        help=format_kinds_help(),
    )
    show: tuple[tuple[str, str], ...] = declare_option(
        "--show",
        multiple=True,
        type=ShowType(),
        help="What the maps of an input are shown as, if its shape does not tell: "
        f"{', '.join(SHOWN)}. Repeatable.",
    )
    cmap: str | None = declare_option(
        "--cmap",
        metavar="NAME",
        help="A colour map of matplotlib; default: by the sign of the values.",
    )
    clip: float = declare_option(
        "--clip",
        type=click.FloatRange(0, 100, min_open=True),
        default=99.0,
        show_default=True,
        help="Percentile of the absolute values at which the colour scale ends.",
    )
    alpha: float = declare_option(
        "--alpha",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Opacity of the map in an overlay.",
    )
    reduce: str | None = declare_option(
        "--reduce",
        type=click.Choice(REDUCTIONS),
        help="How channels become one value; default: max-abs for gradients, else sum.",
    )
    scale: str = declare_option(
        "--scale",
        type=click.Choice(["item", "run"]),
        default="item",
        show_default=True,
        help="One colour scale per picture, or per input for top:K (item), or one for all (run).",
    )
    zoom: int | None = declare_option(
        "--zoom",
        type=click.IntRange(1, 64),
        help="Integer factor of enlargement; default: the short side gets at least 224 pixels.",
    )

    alphabet: str | None = declare_option(
        "--alphabet",
        metavar="LETTERS",
        help="The letters of one-hot sequences, in the order of the columns; default: ACGT for 4.",
    )
    on: str = declare_option(
        "--on",
        type=click.Choice(["model", "original"]),
        default="model",
        show_default=True,
        help="Draw over what the model saw, or over the file's own picture at its own size.",
    )
    smooth: bool = declare_option(
        "--smooth",
        is_flag=True,
        help="Blur maps of inputs in pictures; arrays and scales stay as they are.",
    )
    keep: float = declare_option(
        "--keep",
        metavar="PERCENT",
        type=click.FloatRange(0, 100, min_open=True),
        default=10.0,
        show_default=True,
        help="Pixels that stay with --picture percentile: those of the largest values.",
    )

    top: int = declare_option(
        "--top",
        metavar="N",
        type=click.IntRange(1, 100),
        default=10,
        show_default=True,
        help="Of a row of a table, draw the N columns of largest magnitude by themselves.",
    )

    def refuse_contradictions(self) -> None:
        """Raise UsageError for options that no picture can follow together."""
        if self.picture == "grid" and self.scale == "run":
            raise click.UsageError(
                "--scale run is not for --picture grid, in which each method has one scale for "
                "all maps of an input: leave it out, or choose another --picture."
            )

    @property
    def is_drawn(self) -> bool:
        """Return whether any picture is asked for."""
        return self.picture != "none"

    def to_style(self) -> Style | None:
        """Return the style, None if no pictures are asked for."""
        from inputgrad_cli.data.pictures.picture_style import Style  # not imported by --help

        return self.apply_to(Style(), [f.name for f in fields(self)]) if self.is_drawn else None

    def apply_to(self, style: Style, names: Collection[str]) -> Style:
        """Return the style with the values of the options in `names`."""
        values = {f.name: getattr(self, f.name) for f in fields(PictureOptions) if f.name in names}
        if "show" in values:
            values["show"] = _sort_choices(self.show)
        return replace(style, **{"kind" if k == "picture" else k: v for k, v in values.items()})


@dataclass(frozen=True)
class ShownPictureOptions(PictureOptions):
    """The style of the pictures, and whether the terminal shows the first of them."""

    preview: bool = declare_option(
        "--preview",
        is_flag=True,
        help="Also show the maps of the first 8 inputs on a terminal that has colours.",
    )


def _sort_choices(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return pairs of a name and a kind in the order of the names; UsageError if they disagree."""
    choices = dict(pairs)
    for name, kind in pairs:
        if choices[name] != kind:
            raise click.UsageError(f"--show {name}={kind} and --show {name}={choices[name]}.")
    return tuple(sorted(choices.items()))
