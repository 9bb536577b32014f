"""A model at a glance: what its archive tells, and what the opened model proves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputgrad_cli import api
from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.preprocessing import Pixels
from inputgrad_cli.data.resolve_target import choose
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Head, Port
from inputgrad_cli.data.target import Choice
from inputgrad_cli.data.target_text import parse
from inputgrad_cli.describe.trial_inputs import try_lengths
from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.interfaces.engine import SILENT, Maps, Telling
from inputgrad_cli.modelfile.config_errors import reads_config
from inputgrad_cli.modelfile.hdf5.survey import SavedArray
from inputgrad_cli.modelfile.layer_names import LISTED
from inputgrad_cli.modelfile.map_layers import Row, maps_by_output
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.outline import Outline, outline
from inputgrad_cli.modelfile.safety import custom_objects, dangers, refuse_unsafe
from inputgrad_cli.modelfile.sidecar import read_sidecar, write_sidecar
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER

# A gradient does not pass these, whatever the input is.
OPAQUE = {
    "Discretization", "CategoryEncoding", "Hashing", "HashedCrossing", "StringLookup",
    "IntegerLookup", "TextVectorization",
}  # fmt: skip


@reads_config
def overview(path: Path) -> dict[str, Any]:
    """Return what the archive alone tells; None where only the opened model can."""
    file = open_model(path)
    shape = outline(file.config)
    problem = _problem(file)
    weights = () if problem else file.weights
    beside = read_sidecar(path)
    return {
        "path": str(path),
        "form": file.form,
        "kind": shape.kind,
        "name": shape.name,
        "size": file.size,
        "sha256": file.sha256,
        "keras_version": file.keras_version,
        "inputs": None if shape.inputs is None else [_input(port) for port in shape.inputs],
        "outputs": _outputs(shape),
        "preprocess": _preprocess(api.preprocessing(file), shape.inputs or ()),
        "labels": list(api.class_names(file)),
        "sidecar": str(beside.path) if beside else None,
        "weights": None if file.form == "saved_model" else _counted(weights),
        "custom": [
            {"name": c.name, "module": c.module, "registered_name": c.registered}
            for c in custom_objects(file.config)
        ],
        "unsafe": dangers(file),
        "problem": problem,
        "blocks": [f"{row.kind} {row.name!r}" for row in shape.layers if row.kind in OPAQUE],
        **_cam_layers(maps_by_output(file.config)),
        "layers": [
            {"name": row.name, "class": row.kind, "shape": _listed(row.shape)}
            for row in shape.layers
        ],
        "trusted": False,
        "loaded": None,
    }


def _counted(arrays: Sequence[SavedArray]) -> dict[str, int]:
    return {"arrays": len(arrays), "numbers": sum(math.prod(array.shape) for array in arrays)}


def settle(path: Path) -> Path:
    """Return the path of a new sidecar that says what the archive told."""
    file = open_model(path)
    shape = outline(file.config)
    pixels, pictures = api.preprocessing(file), [p for p in shape.inputs or () if p.is_picture]
    told = {pixels.of(port.name) for port in pictures}
    found = told.pop() if len(told) == 1 else None
    return write_sidecar(path, shape.inputs or (), found, api.class_names(file))


def _problem(file: ModelFile) -> str | None:
    """Return what is wrong with the weights of a model, trusted or not."""
    try:
        refuse_unsafe(file, trust=True)
    except ModelError as error:
        return error.sentence()
    return None


def _input(port: Port) -> dict[str, Any]:
    return {"name": port.name, "shape": _listed(port.shape), "dtype": port.dtype}


def _listed(shape: Sequence[int | None] | None) -> list[int | None] | None:
    return None if shape is None else list(shape)


def _outputs(shape: Outline) -> list[dict[str, Any]] | None:
    if shape.outputs is None:
        return None
    shapes = {row.name: row.shape for row in shape.layers}
    return [
        {"name": name, "shape": _listed(shapes.get(name)), "activation": end}
        for name, end in shape.outputs
    ]


def _preprocess(pixels: Pixels, ports: Sequence[Port]) -> dict[str, Any] | None:
    """Return the preprocessing of the picture inputs, None where there are none.

    Where they differ, `name` and `source` are None, and `inputs` holds those of each; also where
    only the opened model can tell, which `note` says.
    """
    each = {port.name: _of_input(pixels, port.name) for port in ports if port.is_picture}
    if not each:
        return None
    alike = {(how["name"], how["source"]) for how in each.values()}
    if len(alike) == 1:
        return next(iter(each.values()))
    return {"name": None, "source": None, "inputs": each}


def _of_input(pixels: Pixels, name: str) -> dict[str, str | None]:
    doubt, how = pixels.doubts.get(name), pixels.of(name)
    if doubt and not pixels.settled:
        return {"name": None, "source": None, "note": doubt}
    told: dict[str, str | None] = {"name": how.name, "source": how.source}
    return {**told, "note": doubt} if doubt else told


@dataclass(frozen=True)
class Opening:
    """How a model is opened for a look: code, trust, the length of axes that may have any."""

    code: Sequence[str] = ()
    trust: bool = False
    length: int | None = None


def prove(path: Path, how: Opening, telling: Telling = SILENT) -> dict[str, Any]:
    """Return what the opened model shows on a drawn sample; ModelError if it cannot be used."""
    from inputgrad_cli.engine.adapter.layer_list import layers_of, weights_of

    # Few passes are quicker run eagerly, which is safe with these kernels alone.
    model = api.load(path, code=how.code, trust=how.trust, kernels="eigen", telling=telling)
    WORKER.enter(Stage.OPENING, str(path))  # a first pass may take any time
    pixels = model.preprocessing()
    samples, length = try_lengths(model.signature, model.settle, how.length)
    rows = layers_of(model.engine)
    return {
        "inputs": [_input(port) for port in model.signature.inputs],
        "preprocess": _preprocess(pixels, model.signature.inputs),
        "outputs": [_head(head) for head in model.signature.outputs],
        "weights": weights_of(model.engine),
        "length": length,
        "blocks": _blocks(model, samples),
        **_cams(model, samples),
        "layers": [{"name": name, "class": kind, "shape": _listed(s)} for name, kind, s in rows],
        "precision": model.engine.precision,
        "notes": dict(model.engine.notes),
    }


def _cam_layers(rows: Mapping[str, Row | None]) -> dict[str, Any]:
    """Return by output the layer that a class activation map would use, and it where all agree."""
    return _alike({head: {"layer": r.path, "calls": r.calls} for head, r in rows.items() if r})


def _alike(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    layers = {row["layer"] for row in found.values()}
    return {"cam_layer": layers.pop() if len(layers) == 1 else None, "cam_layers": found}


def _cams(model: api.Model, samples: Samples) -> dict[str, Any]:
    """Return by output the layer that a class activation map of it would use."""
    engine, found = model.engine, {}
    names = [head.name for head in model.signature.outputs]
    for name in names:
        (choice,) = _sums(model, [name])
        points = engine.lift(samples.arrays, ())
        (target,) = engine.first(points, [choice], (), gradients=False).targets
        if maps := engine.cam_layer(points, target):
            layer = maps.tap.removeprefix(LAYER)
            found[name] = {"layer": layer, "calls": maps.calls, "sees": _sees(model, points, maps)}
    return _alike(found)


def _sees(model: api.Model, points: Arrays, maps: Maps) -> list[list[str]]:
    """Return the inputs that each of the first calls of a layer sees; none of a single input."""
    if len(model.signature.inputs) == 1:
        return []
    calls = [f"{maps.tap}#{number}" for number in range(min(maps.calls, LISTED))]
    taps = calls if maps.calls > 1 else [maps.tap]
    found = model.engine.inputs_of(points, taps)
    return [sorted(found[tap]) for tap in taps]


def _head(head: Head) -> dict[str, Any]:
    return {
        "name": head.name,
        "shape": _listed(head.shape),
        "activation": head.activation,
        "logits": head.proved,
        "note": head.note or None,
    }


def _blocks(model: api.Model, samples: Samples) -> list[dict[str, str]]:
    """Return the inputs that no output's gradient reaches, and what stands in the way."""
    found = []
    for port in model.signature.inputs:
        try:
            why = _in_the_way(model, samples, port.name)
        except InputgradError as error:
            why = error.sentence()
        if why is not None:
            found.append({"input": port.name, "reason": why})
    return found


def _in_the_way(model: api.Model, samples: Samples, name: str) -> str | None:
    """Return what stands between an input and all outputs, None where a gradient comes through."""
    engine = model.engine
    sites = tuple(engine.sites(name))
    if not sites:
        return engine.aside(sites)[name]
    points = engine.lift(samples.arrays, sites)
    choices = _sums(model, [head.name for head in model.signature.outputs])
    first = engine.first(points, choices, sites)
    if any(site not in made.disconnected for made in first.gradients for site in sites):
        return None
    reasons = [engine.blame(points, sites, target) for target in first.targets]
    return next((why for why in reasons if why), "the outputs do not depend on it")


def _sums(model: api.Model, names: Sequence[str]) -> list[Choice]:
    """Return as targets the sums of outputs."""
    every = [head.name for head in model.signature.outputs]
    texts = [f"{name}/sum" if len(every) > 1 else "sum" for name in names]
    return [
        choice
        for text in texts
        for choice in choose(parse(text, every), model.signature, "output", ())
    ]
