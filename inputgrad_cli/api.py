"""Offers the public functions load, explain, read and render; optimize is in python_api."""

from __future__ import annotations

from pathlib import Path

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.explanation.request import parse_methods
from inputgrad_cli.formats.class_name_lookup import read_class_names
from inputgrad_cli.formats.read_attribution import read_result
from inputgrad_cli.model import (
    Model,
    PathLike,
    describe_kernels,
    list_devices,
    list_versions,
    load,
    resolve_preprocessing,
)
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.python_api.attribution_drawing import draw_site
from inputgrad_cli.python_api.attribution_result import Attribution, to_public
from inputgrad_cli.python_api.explain import explain, find_pixel_inputs
from inputgrad_cli.python_api.model_and_samples import build_provenance

__all__ = [
    "Attribution",
    "Model",
    "build_provenance",
    "describe_kernels",
    "explain",
    "find_pixel_inputs",
    "list_devices",
    "list_versions",
    "load",
    "parse_methods",
    "read",
    "read_class_names",
    "render",
    "resolve_preprocessing",
]


def read(path: PathLike) -> Attribution:
    """Return the attribution stored in an `.npz` file of a run."""
    return to_public(read_result(Path(path)))


def render(
    attribution: Attribution,
    seen: Array | None = None,
    *,
    site: str | None = None,
    sample: int = 0,
    style: Style | None = None,
) -> Drawing:
    """Return the picture of an attribution over `seen`, the uint8 picture that the model saw."""
    name = site or next(iter(attribution.values))
    chosen_style = style or Style()
    recorded = RecordedMap.from_attribution(attribution).show_as(chosen_style.show)
    return draw_site(recorded, name, sample, seen, chosen_style)
