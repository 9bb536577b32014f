"""The verbs of the package: load, explain, read, render. Commands are thin shells over them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli import __version__
from inputgrad_cli.arrays import Array
from inputgrad_cli.attribution import Attribution, channels_last
from inputgrad_cli.baseline import Baseline, Dataset, Given, baselines
from inputgrad_cli.batch import explain_batch
from inputgrad_cli.contracts import Engine
from inputgrad_cli.errors import UsageError
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.labels import find_labels
from inputgrad_cli.formats.masks import read_mask
from inputgrad_cli.formats.merge import from_arrays
from inputgrad_cli.formats.read import Reading, checked, read_samples
from inputgrad_cli.formats.reference import read_given
from inputgrad_cli.formats.results import read_result
from inputgrad_cli.grammar import parse as parse_call
from inputgrad_cli.methods import methods
from inputgrad_cli.methods.needs import no_references
from inputgrad_cli.modelfile.archive import ModelFile, open_model
from inputgrad_cli.modelfile.preprocessing import find_preprocessing
from inputgrad_cli.modelfile.sidecar import read_sidecar
from inputgrad_cli.preprocess import Preprocess, known
from inputgrad_cli.preprocess import parse as parse_preprocess
from inputgrad_cli.question import Question, Wish
from inputgrad_cli.records import Facts, attribution_of, spelled
from inputgrad_cli.rendering.draw import About, Drawing, draw
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.sample import Samples, suited
from inputgrad_cli.signature import Port, Signature
from inputgrad_cli.target import layers_in, masks_in

PathLike = str | os.PathLike[str]


class Model:
    """An opened model: its engine, its file, its labels. Made by `load`."""

    def __init__(self, file: ModelFile, loaded: Any, labels: Sequence[str]) -> None:
        self.file = file
        self.labels = tuple(labels)
        self._loaded = loaded
        self._settled: tuple[str, tuple[str, ...], int] | None = None

    @property
    def engine(self) -> Engine:
        """Return what takes the gradients."""
        engine: Engine = self._loaded.engine
        return engine

    @property
    def signature(self) -> Signature:
        """Return the inputs, and the outputs once a sample has been through."""
        return self.engine.signature

    @property
    def noise(self) -> str:
        """Return what TensorFlow and Keras wrote while they were loaded."""
        return str(self._loaded.noise.text)

    @property
    def compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with, as its file writes it, or None."""
        settings = self.file.config.get("compile_config")
        return settings.get("loss") if isinstance(settings, Mapping) else None

    def settle(
        self,
        samples: Samples,
        targets: Sequence[str] = (),
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        """Make the outputs known, and the logits proved, by one real sample.

        Done again where other layers are meant to serve as outputs.
        """
        asked = (precision, tuple(layers_in(targets)), seed)
        if self._settled and self._settled[0] != precision:
            raise UsageError(
                f"the model computes in {self._settled[0]} already", mend="load it once more"
            )
        if self._settled != asked:
            self.engine.prepare(*asked)
            self._loaded.settle(samples.arrays)
            self._settled = asked


def load(
    path: PathLike | ModelFile,
    *,
    code: Sequence[str] = (),
    device: str = "auto",
    labels: PathLike | Sequence[str] | None = None,
    batch_size: int = 16,
    traced: bool = False,
    trust: bool = False,
) -> Model:
    """Return the model saved at `path`, or in a file that was looked into; ModelError.

    `code` names Python files or modules with the user's own layers. `traced` compiles the
    gradients: worth it for more than a few batches. `trust` opens what can run code from the file.
    """
    file = path if isinstance(path, ModelFile) else open_model(Path(path))
    if labels is None or isinstance(labels, (str, os.PathLike)):
        labels = class_names(file, labels)
    from inputgrad_cli.engine.load import load as load_engine

    return Model(file, load_engine(file, code, device, batch_size, traced, trust), labels)


def preprocessing(file: ModelFile, asked: str = "auto") -> Preprocess:
    """Return how pictures become input: as asked, settled, found, or else assumed `unit`."""
    if chosen := parse_preprocess(asked):
        return chosen
    beside = read_sidecar(file.path)
    settled = beside.preprocess if beside else None
    return settled or find_preprocessing(file.config) or known("unit", "assumed")


def class_names(file: ModelFile, asked: PathLike | None = None) -> tuple[str, ...]:
    """Return the names of the classes: as asked, settled in the sidecar, or in MODEL.labels.txt."""
    beside = read_sidecar(file.path) if asked is None else None
    if beside is None:
        return find_labels(file.path, asked)
    if isinstance(beside.labels, tuple):
        return beside.ordered(beside.labels)
    try:
        labels = find_labels(file.path, beside.labels)
    except UsageError as error:
        what = f"{beside.path}: {error.what.removeprefix('--')}"
        raise UsageError(what, reason=error.reason, mend=error.mend) from None
    return beside.ordered(labels)


def wishes(texts: Sequence[str]) -> tuple[Wish, ...]:
    """Return the methods that the texts write; `as=LABEL` gives one another name in files."""
    made = []
    for text in texts:
        call = parse_call(text)
        method = methods.build(call, ignore=("as",))
        label = call.args["as"][1].text if "as" in call.args else method.name
        if "/" in label or label.startswith(".") or not label.isprintable():
            raise UsageError(f"-m {text}: {label!r} cannot stand in a file name")
        made.append(Wish(method, label, text))
    return tuple(made)


def refuse_unmet(asked: Sequence[Wish], baseline: Baseline | None) -> None:
    """Raise UsageError where a method needs a dataset of baselines and none is given."""
    for wish in asked:
        if wish.method.needs == "dataset" and not isinstance(baseline, Dataset):
            raise no_references(wish.method)


def explain(
    model: Model | PathLike,
    inputs: Any,
    *,
    method: str = "gradient",
    target: str = "auto",
    space: str = "auto",
    wrt: str | None = None,
    baseline: str | None = None,
    preprocess: str = "auto",
    seed: int = 0,
    tolerance: float = 0.01,
    truth: Any = None,
    precision: str = "float32",
) -> Attribution:
    """Return the attributions of one item.

    `inputs` is a path, an array for a model of one input, or a mapping of input names to arrays;
    arrays are model inputs as they are, one sample or many. `truth` are the labels for `loss:`.
    """
    opened = model if isinstance(model, Model) else load(model)
    how = preprocessing(opened.file, preprocess)
    samples = _samples(opened.signature, inputs, how)
    if samples.failed:
        raise next(iter(samples.failed.values()))
    opened.settle(samples, (target,), precision, seed)
    chosen = baselines.build(baseline) if baseline else None
    asked = wishes((method,))
    refuse_unmet(asked, chosen)
    question = Question(
        asked,
        (target,),
        space,
        wrt,
        chosen,
        seed,
        tolerance,
        opened.labels,
        pixel_inputs(opened.signature.inputs, how),
        read_masks((target,)),
        opened.compiled_loss,
        read_given(chosen, Reading(opened.signature.inputs, how)),
    )
    labels = None if truth is None else _labels(truth, len(samples))
    answers = explain_batch(opened.engine, samples, question, labels)
    if len(answers) != 1:
        raise UsageError(f"target {target!r} makes {len(answers)} maps", mend="ask for one: top1")
    if answers[0].error:
        raise answers[0].error
    return attribution_of([answers[0]], samples, facts(opened, question))


def _labels(truth: Any, samples: int) -> Array:
    """Return labels (samples, ...): one for all, or one a sample."""
    given = np.asarray(truth, np.float32)
    if given.ndim == 0:
        return np.full(samples, given, np.float32)
    if len(given) != samples:
        raise UsageError(
            f"truth of shape {given.shape} for {samples} samples",
            mend="its first axis is the sample: give one value, or one a sample",
        )
    return given


def pixel_inputs(ports: Sequence[Port], preprocess: Preprocess) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that are pictures, whatever file they come from."""
    return {port.name: suited(preprocess, port) for port in ports if port.is_picture}


def read_masks(targets: Sequence[str]) -> dict[str, Array]:
    """Return the masks that targets name, by path."""
    return {path: read_mask(Path(path)) for path in masks_in(targets)}


def versions() -> dict[str, str]:
    """Return the versions that decide the last digits of a result."""
    from inputgrad_cli.engine.boot import versions as below

    return {"inputgrad": __version__, "numpy": np.__version__, **below()}


def devices() -> list[str]:
    """Return the devices that TensorFlow sees; imports it."""
    from inputgrad_cli.engine.boot import boot
    from inputgrad_cli.engine.boot import devices as below
    from inputgrad_cli.engine.quiet import Noise

    noise = Noise()
    boot(noise)
    with noise.kept():
        return below()


def facts(model: Model, question: Question) -> Facts:
    """Return what the records of all items share."""
    return Facts(
        model_sha256=model.file.sha256,
        versions=versions(),
        seed=question.seed,
        baseline=None if question.baseline is None else _told(question.baseline),
        wrt=question.wrt,
        precision=model.engine.precision,
    )


def _told(baseline: Baseline) -> str:
    """Return a baseline in words; of a file its name alone, as results hold no paths."""
    if isinstance(baseline, Given):
        baseline = replace(baseline, path=Path(baseline.path).name)
    return spelled(baseline)


def _samples(signature: Signature, inputs: Any, how: Preprocess) -> Samples:
    if isinstance(inputs, (str, os.PathLike)):
        path = Path(inputs)
        return read_samples({None: read_bytes(path)}, {None: path}, Reading(signature.inputs, how))
    named = inputs if isinstance(inputs, Mapping) else {signature.inputs[0].name: inputs}
    arrays = {name: np.asarray(array) for name, array in named.items()}
    return checked(from_arrays(arrays, signature.inputs, "inputs"), "inputs")


def read(path: PathLike) -> Attribution:
    """Return the attribution stored in an `.npz` of a run."""
    return read_result(Path(path))


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
    values = channels_last(attribution.values[name], name, attribution.metadata)
    return draw(
        values[sample] if attribution.many else values,
        seen,
        style or Style(),
        _about(attribution, sample),
    )


def _about(attribution: Attribution, sample: int) -> About:
    meta = attribution.metadata

    def at(value: Any) -> Any:
        return value[sample] if attribution.many else value

    def own(value: Any) -> Any:
        return value[sample] if isinstance(value, list) else value

    return About(
        meta["method"]["label"],
        str(own(meta["target"]["asked"])),
        str(own(meta["space"])),
        at(meta["score"]),
        at(meta["target"]["label"]),
        meta["reduce"],
        f"{own(meta['space'])}{' per unit of input' if meta['per_input'] else ''}",
    )
