"""Opens models: reads the file, starts the engine, finds the labels."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.data.preprocessing import ASSUMED, InputPreprocessing, parse_preprocess
from inputgrad_cli.data.python_argument_checks import is_live_model, refuse_other_model
from inputgrad_cli.data.samples import Samples, match_input
from inputgrad_cli.data.signature import InputSpec, Signature
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.formats.class_name_lookup import read_class_names
from inputgrad_cli.interfaces.engine import NO_PROGRESS, Engine, EngineOptions, ProgressCallbacks
from inputgrad_cli.machine.gpu_detection import refuse_absent_device
from inputgrad_cli.machine.missing_path_suggestions import refuse_missing_code
from inputgrad_cli.modelfile.custom_code_checks import find_needed_objects
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.model_summary import build_outline
from inputgrad_cli.modelfile.preprocessing_detection.pixel_range import PreprocessingGuess
from inputgrad_cli.modelfile.preprocessing_detection.required_preprocessing import (
    find_preprocessing,
)
from inputgrad_cli.modelfile.sidecar_settings import read_sidecar
from inputgrad_cli.version import __version__

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class ModelSource:
    """The file of a model. A live model is saved to one in `folder`, and its code is `objects`.

    The folder is removed with the last reference to this object.
    """

    file: ModelFile
    objects: Mapping[str, Any] = field(default_factory=dict)
    folder: str | None = None

    @property
    def is_live(self) -> bool:
        """Return whether the model lives in this process, so that its code runs here already."""
        return self.folder is not None


def open_source(model: Any) -> ModelSource:
    """Return the file of a model, given as its path, or as a Keras model. ModelError, UsageError.

    A Keras model is saved to a file of its own, so that it is checked as any other, and never
    changed.
    """
    refuse_other_model(model)
    if not is_live_model(model):
        return ModelSource(open_model(Path(model)))
    from inputgrad_cli.engine.opening.live_model_saving import collect_objects, save_model

    folder = tempfile.mkdtemp(prefix="inputgrad-")
    try:
        file = open_model(save_model(model, Path(folder)))
        source = ModelSource(file, collect_objects(model, find_needed_objects(file)), folder)
    # The folder may hold gigabytes, and nothing else would remove it now.
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(source, shutil.rmtree, folder, ignore_errors=True)
    return source


class Model:
    """An opened model: its engine, its file, its labels. Made by `load`."""

    def __init__(self, source: ModelSource, loaded: Any, labels: Sequence[str]) -> None:
        self.file = source.file
        self._source = source  # the file of a live model is removed with it
        self.labels = tuple(labels)
        self._loaded = loaded
        self._first_settings: tuple[str, tuple[str, ...], int] | None = None

    @property
    def engine(self) -> Engine:
        """Return the engine that computes scores and gradients."""
        engine: Engine = self._loaded.engine
        return engine

    @property
    def signature(self) -> Signature:
        """Return the inputs, and the outputs once a sample has been run."""
        return self.engine.signature

    @property
    def messages(self) -> str:
        """Return what TensorFlow and Keras wrote while they were loaded."""
        return str(self._loaded.messages.text)

    @property
    def compiled_loss(self) -> Any:
        """Return the loss that the model was compiled with, as written in its file, or None."""
        return self.file.compiled_loss

    def resolve_preprocessing(self, requested: str = "auto") -> InputPreprocessing:
        """Return how pictures become input, by running the model if its file does not show it."""
        pixels = resolve_preprocessing(self.file, requested, self.signature.inputs)
        if pixels.is_final:
            return pixels
        # Imported here, as everywhere in this module, because the engine imports TensorFlow.
        from inputgrad_cli.engine.preprocessing_probe import probe_pixels

        with self._loaded.messages.capture():
            guesses = {name: probe_pixels(self._loaded.engine, name) for name in pixels.doubts}
        specs = {spec.name: spec for spec in self.signature.inputs}
        probed = {
            name: match_input(guess.preprocess, specs[name]) for name, guess in guesses.items()
        }
        # What the model itself has shown is no doubt any more.
        doubts = {name: guess.doubt for name, guess in guesses.items() if guess.doubt}
        return replace(pixels, inputs={**pixels.inputs, **probed}, doubts=doubts, is_final=True)

    def calibrate(
        self,
        samples: Samples,
        targets: Sequence[Target] = (),
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        """Run one real sample, to find the outputs and prove the logits.

        This is repeated when other layers are used as outputs.
        """
        layers = tuple(dict.fromkeys(t.layer for t in targets if t.layer is not None))
        settings = (precision, layers, seed)
        if self._first_settings and self._first_settings[0] != precision:
            raise UsageError(
                f"the model computes in precision {self._first_settings[0]!r} already",
                reason="a model keeps the precision of its first call",
                hint=f"load it once more for {precision!r}",
            )
        # Other layers and another seed can be set again, at the price of one more pass.
        if self._first_settings != settings:
            self.engine.prepare(*settings)
            self._loaded.calibrate(samples.arrays)
            self._first_settings = settings


def load(
    path: Any,
    *,
    code: Sequence[str] = (),
    device: str = "auto",
    labels: PathLike | Sequence[str] | None = None,
    batch_size: int = 16,
    traced: bool = False,
    trust: bool = False,
    folded: bool = False,
    padded: bool = False,
    kernels: str | None = None,
    telling: ProgressCallbacks = NO_PROGRESS,
) -> Model:
    """Return the model at `path`, or a Keras model of this process. Raises ModelError.

    A Keras model is copied, so later changes of it have no effect. `code` names Python files or
    modules with the user's own layers. `traced` compiles the gradients, which pays off from a few
    batches on. `folded` compiles the weights in as constants and lets threads share the passes,
    which pays off for hundreds of pictures; weights that change later have no effect. `padded`
    fills up every pass, so that the last digits of a result do not depend on the number of samples
    in its pass. `trust` opens files that can run code. `kernels` (`onednn`, `eigen`) have an effect
    only if TensorFlow is not imported yet; with oneDNN everything is compiled. `telling` receives
    the progress of long steps.
    """
    source = to_source(path)
    file = source.file
    # TensorFlow takes seconds to import, so what can be refused without it is refused before.
    refuse_missing_code(code)
    refuse_absent_device(device)
    if labels is None or isinstance(labels, (str, os.PathLike)):
        labels = read_class_names(file, labels)
    from inputgrad_cli.engine.opening.checked_model_load import load as load_engine

    options = EngineOptions(device, batch_size, traced, folded, padded, kernels, telling)
    loaded = load_engine(file, code, trust or source.is_live, options, live_objects=source.objects)
    return Model(source, loaded, labels)


def to_source(model: Any) -> ModelSource:
    """Return the file of a model, which may have been read already."""
    if isinstance(model, ModelSource):
        return model
    return ModelSource(model) if isinstance(model, ModelFile) else open_source(model)


def resolve_preprocessing(
    file: ModelFile, requested: str = "auto", specs: Sequence[InputSpec] | None = None
) -> InputPreprocessing:
    """Return how pictures become input: as requested, else by the sidecar, the file or a guess.

    `specs` are the model's inputs, by default those that the file declares.
    """
    specs = (build_outline(file.config).inputs or ()) if specs is None else specs
    chosen = parse_preprocess(requested)
    if chosen is None and (sidecar := read_sidecar(file.path)):
        chosen = sidecar.preprocess
    if chosen is not None:
        return InputPreprocessing(
            chosen, {p.name: match_input(chosen, p) for p in _list_picture_inputs(specs)}
        )
    return _combine_pixel_facts(
        find_preprocessing(file.config, partial(_read_numbers, file)), specs
    )


def _read_numbers(file: ModelFile, layer: str) -> list[list[float]]:
    """Return the weights of a small layer, none if the weights of the file cannot be used."""
    try:
        return file.read_layer_values(layer)
    except ModelError:  # reported when the weights are needed
        return []


def _list_picture_inputs(specs: Sequence[InputSpec]) -> list[InputSpec]:
    """Return the inputs that take pictures, else those that can be fed from picture files."""
    # An input that is certainly a picture comes before those that only could be one.
    pictures, possible = [p for p in specs if p.is_image], [p for p in specs if p.image_shape]
    return pictures or possible or [p for p in specs if p.volume_shape]


def _combine_pixel_facts(
    sights: Mapping[str, PreprocessingGuess], specs: Sequence[InputSpec]
) -> InputPreprocessing:
    """Combine the facts by picture input; the first is used for inputs without their own."""
    first = next(iter(sights.values()))
    pictures = {spec: sights.get(spec.name, first) for spec in _list_picture_inputs(specs)}
    by_input = {spec.name: match_input(guess.preprocess, spec) for spec, guess in pictures.items()}
    doubts = {
        spec.name: guess.doubt
        for spec, guess in pictures.items()
        if by_input[spec.name].source == ASSUMED
    }
    opaque = any(guess.opaque for spec, guess in pictures.items() if spec.name in doubts)
    if not specs:
        doubts, opaque = ({"": first.doubt} if first.doubt else {}), first.opaque
    return InputPreprocessing(first.preprocess, by_input, doubts, is_final=not opaque)


def list_versions() -> dict[str, str]:
    """Return the versions of the libraries that affect the last digits of a result."""
    from inputgrad_cli.engine.adapter.tensorflow_startup import (
        list_versions as list_tensorflow_versions,
    )

    return {"inputgrad": __version__, "numpy": np.__version__, **list_tensorflow_versions()}


def describe_kernels() -> str:
    """Return the kernels that TensorFlow uses here, and what selected them."""
    from inputgrad_cli.engine.adapter.cpu_kernel_selection import (
        ONEDNN,
        ONEDNN_VARIABLE,
        get_active_kernels,
    )

    active = "oneDNN" if get_active_kernels() == ONEDNN else "TensorFlow's own (Eigen)"
    requested = os.environ.get(ONEDNN_VARIABLE)
    if requested:
        return f"{active}, by {ONEDNN_VARIABLE}={requested}"
    return f"{active}, by itself; saliency chooses by the job, unless {ONEDNN_VARIABLE} is set"


def list_devices() -> list[str]:
    """Return the devices that TensorFlow finds. Imports TensorFlow."""
    from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
    from inputgrad_cli.engine.adapter.tensorflow_startup import import_keras
    from inputgrad_cli.engine.adapter.tensorflow_startup import (
        list_devices as list_tensorflow_devices,
    )

    output = CapturedOutput()
    import_keras(output)
    with output.capture():
        return list_tensorflow_devices()
