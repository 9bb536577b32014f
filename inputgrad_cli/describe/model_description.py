"""The description of a model as frozen values, with their JSON for `inspect --json`.

`None` stands for what the file does not say, so that only the opened model can tell it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from inputgrad_cli.data.signature import InputSpec, OutputSpec
from inputgrad_cli.modelfile.custom_code_checks import CustomObject
from inputgrad_cli.modelfile.model_summary import Layer

Record = Mapping[str, object]


@dataclass(frozen=True)
class WeightCount:
    """The number of weight arrays, and of the values in them."""

    arrays: int
    numbers: int


@dataclass(frozen=True)
class PreprocessChoice:
    """How the pixels of an input are scaled, and where that is known from.

    Both are None if only the opened model can decide. `note` says in words what is assumed.
    """

    name: str | None
    source: str | None
    note: str | None = None

    def to_record(self) -> Record:
        """Return the JSON; there is no `note` if nothing is assumed."""
        record = {"name": self.name, "source": self.source}
        return {**record, "note": self.note} if self.note else record


@dataclass(frozen=True)
class PreprocessChoices:
    """The choice for each picture input."""

    by_input: Mapping[str, PreprocessChoice]

    @property
    def shown(self) -> Mapping[str, PreprocessChoice]:
        """Return the choices by input, or the common one under an empty name."""
        kinds = {(choice.name, choice.source) for choice in self.by_input.values()}
        return {"": next(iter(self.by_input.values()))} if len(kinds) == 1 else self.by_input

    def to_record(self) -> Record | None:
        """Return the JSON: one choice, or `inputs` if they differ, or None without pictures."""
        if not self.by_input:
            return None
        records = {name: choice.to_record() for name, choice in self.shown.items()}
        return records.get("") or {"name": None, "source": None, "inputs": records}


@dataclass(frozen=True)
class CamLayerUse:
    """The layer that a class activation map of an output would use.

    `calls` is how often the layer is called. `sees` has the inputs that each call sees; it is None
    if the model has not been opened, and empty if it has only one input.
    """

    layer: str
    calls: int
    sees: Sequence[Sequence[str]] | None = None

    def to_record(self) -> Record:
        """Return the JSON; there is no `sees` if the model has not been opened."""
        record = {"layer": self.layer, "calls": self.calls}
        return record if self.sees is None else {**record, "sees": self.sees}


@dataclass(frozen=True)
class BlockedInput:
    """An input that no gradient of any output reaches."""

    input: str
    reason: str


@dataclass(frozen=True)
class OpenedModel:
    """What the opened model shows on a random sample.

    `length` is what the axes of any length were given; it is None if there are no such axes.
    """

    inputs: Sequence[InputSpec]
    preprocess: PreprocessChoices
    outputs: Sequence[OutputSpec]
    weights: WeightCount
    length: int | None
    blocks: Sequence[BlockedInput]
    cam_layers: Mapping[str, CamLayerUse]
    layers: Sequence[Layer]
    precision: str
    notes: Mapping[str, str]

    def to_record(self) -> Record:
        """Return the JSON."""
        return {
            "inputs": _to_input_records(self.inputs),
            "preprocess": self.preprocess.to_record(),
            "outputs": [
                {**record, "logits": spec.logits_verified, "note": spec.note or None}
                for record, spec in zip(_to_output_records(self.outputs), self.outputs, strict=True)
            ],
            "weights": asdict(self.weights),
            "length": self.length,
            "blocks": [asdict(block) for block in self.blocks],
            **_to_cam_records(self.cam_layers),
            "layers": _to_layer_records(self.layers),
            "precision": self.precision,
            "notes": dict(self.notes),
        }


@dataclass(frozen=True)
class OpeningProblem:
    """Why the model could not be opened."""

    problem: str

    def to_record(self) -> Record:
        """Return the JSON."""
        return {"problem": self.problem}


@dataclass(frozen=True)
class ModelDescription:
    """What the file shows, and `loaded` what the opened model shows, if it was opened.

    `custom` needs --code, `unsafe` are the reasons why the model needs trust, `problem` is why it
    cannot be used, `blocks` are layers that pass no gradient, whatever the input.
    """

    path: str
    form: str
    kind: str
    name: str
    size: int
    sha256: str
    keras_version: str | None
    inputs: Sequence[InputSpec] | None
    outputs: Sequence[OutputSpec] | None
    preprocess: PreprocessChoices
    labels: Sequence[str]
    sidecar: str | None
    weights: WeightCount | None
    custom: Sequence[CustomObject]
    unsafe: Sequence[str]
    problem: str | None
    blocks: Sequence[str]
    cam_layers: Mapping[str, CamLayerUse]
    layers: Sequence[Layer]
    trusted: bool = False
    loaded: OpenedModel | OpeningProblem | None = None

    def to_record(self) -> Record:
        """Return the JSON."""
        return {
            "path": self.path,
            "form": self.form,
            "kind": self.kind,
            "name": self.name,
            "size": self.size,
            "sha256": self.sha256,
            "keras_version": self.keras_version,
            "inputs": None if self.inputs is None else _to_input_records(self.inputs),
            "outputs": None if self.outputs is None else _to_output_records(self.outputs),
            "preprocess": self.preprocess.to_record(),
            "labels": self.labels,
            "sidecar": self.sidecar,
            "weights": self.weights and asdict(self.weights),
            "custom": [asdict(custom) for custom in self.custom],
            "unsafe": self.unsafe,
            "problem": self.problem,
            "blocks": self.blocks,
            **_to_cam_records(self.cam_layers),
            "layers": _to_layer_records(self.layers),
            "trusted": self.trusted,
            "loaded": self.loaded and self.loaded.to_record(),
        }


def find_common_layer(uses: Mapping[str, CamLayerUse]) -> str | None:
    """Return the layer that the class activation maps of all outputs use, None if they differ."""
    layers = {use.layer for use in uses.values()}
    return layers.pop() if len(layers) == 1 else None


def _to_input_records(specs: Sequence[InputSpec]) -> Sequence[Record]:
    return [{"name": spec.name, "shape": spec.shape, "dtype": spec.dtype} for spec in specs]


def _to_output_records(specs: Sequence[OutputSpec]) -> Sequence[Record]:
    return [
        {"name": spec.name, "shape": spec.shape, "activation": spec.activation} for spec in specs
    ]


def _to_layer_records(layers: Sequence[Layer]) -> Sequence[Record]:
    return [{"name": row.name, "class": row.kind, "shape": row.shape} for row in layers]


def _to_cam_records(uses: Mapping[str, CamLayerUse]) -> Record:
    records = {output: use.to_record() for output, use in uses.items()}
    return {"cam_layer": find_common_layer(uses), "cam_layers": records}
