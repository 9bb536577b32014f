"""Draws the maps of videos: frames over the input, their magnitudes, and an animation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, pictures
from inputgrad_cli.rendering.colour_bar import ColourBar
from inputgrad_cli.rendering.volumes.animated_webp import FILM, draw_film
from inputgrad_cli.rendering.volumes.volume_video_base import Stack, StackMap


@pictures.register
@dataclass(frozen=True)
class Video(StackMap):
    """16 frames over the grey input, the magnitude over time, and an animation beside it."""

    name = "video"
    help = "frames, and an animation beside"
    subjects = "videos"
    max_samples = MAX_SAMPLES
    extra_endings = (FILM,)
    unit = "frame"
    chart_height = 84

    def build_extras(self, stack: Stack, bar: ColourBar, style: Style) -> Mapping[str, bytes]:
        """Return the animation of all frames."""
        return {FILM: draw_film(stack, bar, style.alpha)}
