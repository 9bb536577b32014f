"""Opens a model file in Keras: with the user's code, quietly, and only if every weight arrives."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import Any

from inputgrad_cli.arrays import Arrays
from inputgrad_cli.engine.boot import boot, pick_device
from inputgrad_cli.engine.quiet import Noise
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.archive import WEIGHTS, ModelFile
from inputgrad_cli.modelfile.scan import refuse_missing, refuse_unsafe


class Loaded:
    """A model that was opened: `engine` runs it; `noise` is what TensorFlow had to say."""

    def __init__(self, engine: Any, noise: Noise, file: ModelFile, late: bool) -> None:
        self.engine = engine
        self.noise = noise
        self._file = file
        self._late = late

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample, which makes the outputs known; then every weight must be there."""
        with self.noise.kept():
            self.engine.settle(inputs)
            if self._late:
                _read_again(self._file, self.engine.binding.model)
                self.engine.settle(inputs)
        self._late = False


def load(
    file: ModelFile,
    code: Sequence[str] = (),
    device: str = "auto",
    batch_size: int = 16,
    traced: bool = False,
) -> Loaded:
    """Return the opened model; ModelError where it cannot be trusted to be the one saved."""
    refuse_unsafe(file)
    noise = Noise()
    boot(noise)
    from inputgrad_cli.engine.binding import Binding
    from inputgrad_cli.engine.custom import import_code, registered_names
    from inputgrad_cli.engine.tape import TapeEngine

    place = pick_device(device)
    own = import_code(code)
    refuse_missing(file, [*own, *registered_names()])
    try:
        with noise.kept():
            model = _open(file, own)
            binding = Binding(model)
    except ModelError as error:
        error.log = noise.text
        raise
    engine = TapeEngine(binding, batch_size=batch_size, traced=traced, device=place, noise=noise)
    late = _saved_weights(file) > len(model.weights)
    if not late:
        _refuse_nonfinite(file, model)
    return Loaded(engine, noise, file, late)


def _open(file: ModelFile, own: dict[str, Any]) -> Any:
    import keras

    try:
        model = keras.models.load_model(str(file.path.absolute()), own, compile=False)
    except Exception as error:
        raise ModelError(
            f"{file.path}: Keras cannot open the model",
            reason=_short(error),
            mend=_advice(file, keras.__version__),
        ) from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{file.path}: holds a {type(model).__name__}, not a model")
    return model


def _short(error: Exception) -> str:
    """Return the line of Keras's message that tells; a whole config may follow the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("Could not", "Unknown", "Unrecognized"))]
    line = (telling or lines or [type(error).__name__])[0]
    return line if len(line) <= 300 else line[:297] + "..."


def _advice(file: ModelFile, here: str) -> str:
    wrote = file.keras_version
    if wrote and _numbers(wrote) > _numbers(here):
        return f"it was saved by Keras {wrote}, this is {here}: upgrade with pip install -U keras"
    if wrote and wrote.startswith("2."):
        return f"it was saved by Keras {wrote}: save it again in Keras 3"
    return "a layer of your own comes with --code FILE.py"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _saved_weights(file: ModelFile) -> int:
    """Return how many floating arrays the file holds beside the optimizer's."""
    import h5py

    found = 0

    def visit(name: str, node: Any) -> None:
        nonlocal found
        own = not name.startswith(("optimizer", "_optimizer"))
        found += own and isinstance(node, h5py.Dataset) and node.dtype.kind == "f"

    with zipfile.ZipFile(file.path) as archive:
        if WEIGHTS not in archive.namelist():
            return 0
        with archive.open(WEIGHTS) as stream, h5py.File(stream) as weights:
            weights.visititems(visit)
    return found


def _read_again(file: ModelFile, model: Any) -> None:
    """Read the weights once the model has built itself; refuse it if some are still unread.

    A subclassed model may have no weights until its first call, and would then run on random ones.
    """
    expected = _saved_weights(file)
    try:
        model.load_weights(str(file.path.absolute()))
    except Exception as error:
        raise ModelError(
            f"{file.path}: weights do not fit the model", reason=_short(error)
        ) from error
    if expected > len(model.weights):
        raise ModelError(
            f"{file.path}: {expected} weights are saved, the model made {len(model.weights)}",
            reason="its build() or call() does not make all layers again",
            mend="give the class a build(input_shape) that builds every layer",
            kind="weights",
        )
    _refuse_nonfinite(file, model)


def _refuse_nonfinite(file: ModelFile, model: Any) -> None:
    import numpy as np

    for weight in model.weights:
        value = weight.numpy()
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ModelError(
                f"{file.path}: weight {weight.path!r} holds NaN or infinity",
                reason="the training diverged",
                kind="weights",
            )
