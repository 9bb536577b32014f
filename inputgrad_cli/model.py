"""Opens models: the file looked into, the engine started, the labels found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.data.check_arguments import refuse_live
from inputgrad_cli.data.preprocessing import ASSUMED, Pixels
from inputgrad_cli.data.preprocessing import parse as parse_preprocess
from inputgrad_cli.data.samples import Samples, suited
from inputgrad_cli.data.signature import Port, Signature
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.formats.classes import class_names
from inputgrad_cli.interfaces.engine import SILENT, Engine, Running, Telling
from inputgrad_cli.machine.devices import refuse_absent
from inputgrad_cli.machine.missing_files import refuse_missing_code
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.outline import outline
from inputgrad_cli.modelfile.pixels.pixel_range import Sight
from inputgrad_cli.modelfile.pixels.preprocessing import find_preprocessing
from inputgrad_cli.modelfile.sidecar import read_sidecar
from inputgrad_cli.version import __version__

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
        return self.file.compiled_loss

    def preprocessing(self, asked: str = "auto") -> Pixels:
        """Return how pictures become input; what the file can't tell is found by computing."""
        pixels = preprocessing(self.file, asked, self.signature.inputs)
        if pixels.settled:
            return pixels
        from inputgrad_cli.engine.pixel_probe import sight_of

        with self._loaded.noise.kept():
            sights = {name: sight_of(self.engine, name) for name in pixels.doubts}
        ports = {port.name: port for port in self.signature.inputs}
        own = {name: suited(sight.preprocess, ports[name]) for name, sight in sights.items()}
        doubts = {name: sight.doubt for name, sight in sights.items() if sight.doubt}
        return replace(pixels, inputs={**pixels.inputs, **own}, doubts=doubts, settled=True)

    def settle(
        self,
        samples: Samples,
        targets: Sequence[Target] = (),
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        """Make the outputs known, and the logits proved, by one real sample.

        Done again where other layers are meant to serve as outputs.
        """
        layers = tuple(dict.fromkeys(t.layer for t in targets if t.layer is not None))
        asked = (precision, layers, seed)
        if self._settled and self._settled[0] != precision:
            raise UsageError(
                f"the model computes in precision {self._settled[0]!r} already",
                reason="a model keeps the precision of its first call",
                mend=f"load it once more for {precision!r}",
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
    folded: bool = False,
    padded: bool = False,
    kernels: str | None = None,
    telling: Telling = SILENT,
) -> Model:
    """Return the model saved at `path`, or in a file that was looked into; ModelError.

    `code` names Python files or modules with the user's own layers. `traced` compiles the
    gradients: worth it for more than a few batches. `folded` compiles the weights in as constants,
    and lets threads share the passes: worth it for hundreds of pictures; weights that change later
    are not seen. `padded` fills every pass up, so that no sample's last digits depend on how many
    stand beside it. `trust` opens what can run code from the file. `kernels` (`onednn`, `eigen`)
    are asked for where TensorFlow is not imported yet; with oneDNN's everything is compiled.
    `telling` hears of what takes long.
    """
    if not isinstance(path, ModelFile):
        refuse_live(path)
    file = path if isinstance(path, ModelFile) else open_model(Path(path))
    refuse_missing_code(code)
    refuse_absent(device)
    if labels is None or isinstance(labels, (str, os.PathLike)):
        labels = class_names(file, labels)
    from inputgrad_cli.engine.opening.load import load as load_engine

    how = Running(device, batch_size, traced, folded, padded, kernels, telling)
    return Model(file, load_engine(file, code, trust, how), labels)


def preprocessing(
    file: ModelFile, asked: str = "auto", ports: Sequence[Port] | None = None
) -> Pixels:
    """Return how pictures become input: as asked, settled, told by the file, or else assumed.

    `ports` are the model's inputs; by default what the file says of them.
    """
    ports = (outline(file.config).inputs or ()) if ports is None else ports
    chosen = parse_preprocess(asked)
    if chosen is None and (beside := read_sidecar(file.path)):
        chosen = beside.preprocess
    if chosen is not None:
        return Pixels(chosen, {p.name: suited(chosen, p) for p in _takers(ports)})
    return _of_each(find_preprocessing(file.config, partial(_numbers, file)), ports)


def _numbers(file: ModelFile, layer: str) -> list[list[float]]:
    """Return the few numbers of a layer; none from a file whose weights cannot be used."""
    try:
        return file.numbers(layer)
    except ModelError:  # told where the weights are needed
        return []


def _takers(ports: Sequence[Port]) -> list[Port]:
    """Return the inputs that picture files are for: pictures, else what can be read as one."""
    certain, possible = [p for p in ports if p.is_picture], [p for p in ports if p.picture]
    return certain or possible or [p for p in ports if p.film]


def _of_each(sights: Mapping[str, Sight], ports: Sequence[Port]) -> Pixels:
    """Return what was seen, by picture input; the first stands for inputs that are not known."""
    first = next(iter(sights.values()))
    pictures = {port: sights.get(port.name, first) for port in _takers(ports)}
    own = {port.name: suited(sight.preprocess, port) for port, sight in pictures.items()}
    doubts = {
        port.name: sight.doubt
        for port, sight in pictures.items()
        if own[port.name].source == ASSUMED
    }
    opaque = any(sight.opaque for port, sight in pictures.items() if port.name in doubts)
    if not ports:
        doubts, opaque = ({"": first.doubt} if first.doubt else {}), first.opaque
    return Pixels(first.preprocess, own, doubts, settled=not opaque)


def versions() -> dict[str, str]:
    """Return the versions that decide the last digits of a result."""
    from inputgrad_cli.engine.adapter.startup import versions as below

    return {"inputgrad": __version__, "numpy": np.__version__, **below()}


def kernels() -> str:
    """Return the kernels that TensorFlow computes with here, and who chose them."""
    from inputgrad_cli.engine.adapter.kernels import ONEDNN, VARIABLE, active_kernels

    active = "oneDNN" if active_kernels() == ONEDNN else "TensorFlow's own (Eigen)"
    asked = os.environ.get(VARIABLE)
    if asked:
        return f"{active}, by {VARIABLE}={asked}"
    return f"{active}, by itself; saliency chooses by the job, unless {VARIABLE} is set"


def devices() -> list[str]:
    """Return the devices that TensorFlow sees; imports it."""
    from inputgrad_cli.engine.adapter.captured_stderr import Noise
    from inputgrad_cli.engine.adapter.startup import boot
    from inputgrad_cli.engine.adapter.startup import devices as below

    noise = Noise()
    boot(noise)
    with noise.kept():
        return below()
