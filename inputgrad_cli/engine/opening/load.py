"""Opens a model file in Keras: with the user's code, quietly, and only if every weight arrives."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from inputgrad_cli.engine.adapter.captured_stderr import Noise
from inputgrad_cli.engine.adapter.startup import (
    boot,
    hold_limit,
    limit_threads,
    on,
    pick_device,
    share_cores,
)
from inputgrad_cli.errors import ModelError
from inputgrad_cli.interfaces.engine import Running
from inputgrad_cli.machine import memory
from inputgrad_cli.modelfile.memory_limits import bytes_of_weights
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.safety import refuse_unsafe
from inputgrad_cli.numeric.arrays import Arrays
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.time_limits import opening_seconds
from inputgrad_cli.supervision.worker import WORKER

CHATTER = re.compile(r"[IW]\d{4} |E\d{4} .*(cuda|oneDNN)|WARNING: All log messages before absl")


class Loaded:
    """A model that was opened: `engine` runs it; `noise` is what TensorFlow had to say."""

    def __init__(self, engine: Any, noise: Noise, late: ModelFile | None = None) -> None:
        self.engine = engine
        self.noise = noise
        self._late = late  # the file whose weights must be read after the first call

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample, which makes the outputs known; then every weight must be there."""
        with self.noise.kept():
            if self._late is None:
                self.engine.settle(inputs)
            else:
                self._settle_late(inputs, self._late)
        self._late = None

    def _settle_late(self, inputs: Arrays, file: ModelFile) -> None:
        from inputgrad_cli.engine.opening.allocation import refusing

        with refusing(file.path, bytes_of_weights(file)):
            self.engine.settle(inputs)
            _read_late(file, self.engine.binding.model)
        self.engine.settle(inputs)


def load(
    file: ModelFile, code: Sequence[str] = (), trust: bool = False, how: Running | None = None
) -> Loaded:
    """Return the opened model; ModelError where it cannot be trusted to be the one saved."""
    how = how or Running()
    refuse_unsafe(file, trust)
    noise = Noise()
    WORKER.enter(Stage.OPENING, str(file.path))
    how.telling.stage("starting TensorFlow")
    memory.pause()
    began = time.process_time()
    boot(noise, how.kernels)
    start = time.process_time() - began
    how.telling.stage("opening the model")
    silence = len(noise.text)
    from inputgrad_cli.engine.adapter.keras_adapter import Binding
    from inputgrad_cli.engine.adapter.losses import Losses
    from inputgrad_cli.engine.maps import CamLayers
    from inputgrad_cli.engine.opening import weight_check
    from inputgrad_cli.engine.opening.allocation import refuse_unrolled, refusing
    from inputgrad_cli.engine.opening.open_keras import open_in_keras, source_of
    from inputgrad_cli.engine.opening.required_code import bring
    from inputgrad_cli.engine.tape_engine import TapeEngine

    with noise.kept():
        place = pick_device(how.device)
        limit_threads()
        workers = share_cores(place) if how.folded else 1
        hold_limit()
    held = None if file.form == "saved_model" else bytes_of_weights(file)
    own = bring(file, code)
    # What the user imports may take any time, and so may a file that the user vouches for.
    seconds = 0.0 if trust else opening_seconds(file.path, start)
    WORKER.enter(Stage.OPENING, str(file.path), seconds)
    try:
        # Weights on another device would be sent over for every pass.
        with noise.kept(), source_of(file) as path, on(place), refusing(file.path, held):
            model = open_in_keras(file, path, own, trust)
            refuse_unrolled(file.path, model)
            losses = Losses({**own.names, **own.objects})
            binding = Binding(model, bool(code), losses)
        engine = TapeEngine(binding, how, workers=workers, device=place, noise=noise)
        engine.remarks = own.remarks
        engine.cams = CamLayers(binding, engine.runner, file.config)
        if weight_check.is_late(file, model, noise.text):
            return Loaded(engine, noise, late=file)
        weight_check.check(file, model)
    except ModelError as error:
        error.log = _telling(noise.text[silence:])
        raise
    return Loaded(engine, noise)


def _telling(text: str) -> str:
    """Return what was said without TensorFlow's notes on the machine."""
    lines = [line for line in text.splitlines(keepends=True) if not CHATTER.match(line)]
    return "".join(lines)


def _read_late(file: ModelFile, model: Any) -> None:
    """Read the weights of a model that makes them in its first call, and check that all came."""
    from inputgrad_cli.engine.opening import weight_check
    from inputgrad_cli.engine.opening.open_keras import source_of

    with source_of(file) as path:
        weight_check.read_again(file, model, str(path))
    weight_check.check(file, model)
