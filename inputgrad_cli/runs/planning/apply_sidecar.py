"""Applies the settings of the model's sidecar file where the command line gives none."""

from __future__ import annotations

from dataclasses import replace

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.modelfile.sidecar_settings import Sidecar, read_sidecar
from inputgrad_cli.runs.planning.run_options import RunOptions


def apply_sidecar(options: RunOptions) -> RunOptions:
    """Return the options with the sidecar's settings, and the user's input names translated."""
    sidecar = read_sidecar(options.model)
    if sidecar is None:
        return options
    records = dict(options.option_records)
    settings = (
        ("preprocess", sidecar.preprocess),
        ("labels", sidecar.labels),
        ("columns", sidecar.columns or None),
        ("show", tuple(f"{name}={kind}" for name, kind in sidecar.show.items()) or None),
    )
    for key, value in settings:
        # The command line, the environment and --config come before the sidecar.
        if value is not None and records.get(key, {}).get("source") == "default":
            setting = value.name if isinstance(value, Preprocess) else value
            recorded = list(setting) if isinstance(setting, tuple) else str(setting)
            records[key] = {"value": recorded, "source": "sidecar"}
    pairs = tuple((sidecar.resolve_input_name(name), path) for name, path in options.pairs)
    wrt = None if options.wrt is None else sidecar.resolve_input_name(options.wrt)
    columns = options.columns or sidecar.columns
    return replace(
        options,
        pairs=pairs,
        wrt=wrt,
        option_records=records,
        aliases=dict(sidecar.inputs),
        columns=columns,
        style=None if options.style is None else _apply_kinds(options.style, sidecar),
    )


def _apply_kinds(style: Style, sidecar: Sidecar) -> Style:
    """Return the style with what the sidecar shows inputs as, unless an option says otherwise."""
    choices = {sidecar.resolve_input_name(name): kind for name, kind in sidecar.show.items()}
    choices |= {sidecar.resolve_input_name(name): kind for name, kind in style.show}
    return replace(style, show=tuple(sorted(choices.items())))
