"""Checks what `--show` and the sidecar show inputs as, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.data.pictures.input_modality import to_subject
from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.option_choices import LAYER, SHOWN
from inputgrad_cli.rendering import is_drawable


def refuse_unfit_kinds(choices: Sequence[tuple[str, str]], specs: Sequence[InputSpec]) -> None:
    """Raise UsageError if an input is not of the model, or cannot be shown as what is asked for."""
    by_name = {spec.name: spec for spec in specs}
    for name, kind in choices:
        if name.startswith(LAYER):
            continue
        if name not in by_name:
            raise UsageError(
                f"--show {name}={kind}: the model has no input {name!r}",
                hint=f"its inputs are: {', '.join(by_name)}",
            )
        spec = by_name[name]
        # The map of an input of ids has the shape of its embedding, which is not known here.
        if spec.shape is not None and spec.kind == "float" and not can_show(spec, kind):
            fitting = [word for word in SHOWN if can_show(spec, word)]
            raise UsageError(
                f"--show {name}={kind}: no picture of this kind fits input {spec}",
                hint=f"it can be shown as: {', '.join(fitting)}",
            )


def can_show(spec: InputSpec, kind: str) -> bool:
    """Return whether a map of the shape of an input can be shown as a kind, one of `SHOWN`."""
    shape = spec.image_shape if spec.is_image else spec.shape
    sizes = tuple(dim or 1 for dim in shape or ())
    return is_drawable(MapLayout(sizes, subject=to_subject(kind)))
