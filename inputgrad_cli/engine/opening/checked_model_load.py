"""Opens a model file in Keras with the user's code, and checks that all weights were read."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
from inputgrad_cli.engine.adapter.tensorflow_startup import (
    enforce_limit,
    import_keras,
    limit_threads,
    pick_device,
    share_cores,
    use_device,
)
from inputgrad_cli.errors import ModelError
from inputgrad_cli.interfaces.engine import EngineOptions
from inputgrad_cli.machine import process_memory_limit
from inputgrad_cli.modelfile.config_errors import name_model_file
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.memory_limits import count_weight_bytes
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.supervision.model_opening_time_limits import compute_opening_seconds
from inputgrad_cli.supervision.shared_memory_page import Stage
from inputgrad_cli.supervision.worker_state_reporting import WORKER

if TYPE_CHECKING:  # they import TensorFlow, which `load` does without output
    from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
    from inputgrad_cli.engine.opening.required_code import UserCode
    from inputgrad_cli.engine.tape_engine import TapeEngine

# What Keras needs beside the weights: a thousand layers take 0.2 GB. While a weight is made and
# read, there are up to four copies of it.
OPENING_BYTES, WEIGHT_COPIES = 1 << 30, 6
CHATTER = re.compile(r"[IW]\d{4} |E\d{4} .*(cuda|oneDNN)|WARNING: All log messages before absl")


class LoadedModel:
    """An opened model: `engine` runs it; `messages` are those of TensorFlow and Keras."""

    def __init__(
        self, engine: TapeEngine, messages: CapturedOutput, late: ModelFile | None = None
    ) -> None:
        self.engine = engine
        self.messages = messages
        self._late = late  # set if the weights must be read after the first call

    def calibrate(self, inputs: Arrays) -> None:
        """Run a real sample, which determines the outputs; all weights must be read after that."""
        with self.messages.capture():
            if self._late is None:
                self.engine.calibrate(inputs)
            else:
                self._calibrate_late(inputs, self._late)
        self._late = None

    def _calibrate_late(self, inputs: Arrays, file: ModelFile) -> None:
        """Create the weights in a first run, read them, and run again."""
        from inputgrad_cli.engine.opening.memory_allocation_limit import refuse_large_model

        with refuse_large_model(file.path, count_weight_bytes(file)):
            self.engine.calibrate(inputs)
            _read_late(file, self.engine.adapter.model)
        self.engine.calibrate(inputs)


def load(
    file: ModelFile,
    code: Sequence[str] = (),
    trust: bool = False,
    options: EngineOptions | None = None,
    *,
    live_objects: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Return the opened model; ModelError unless it is certain to equal the saved one.

    `live_objects` are the classes and functions of a model that lives in this process, by name.
    """
    options = options or EngineOptions()
    # Before anything is imported: the file alone shows it, and TensorFlow takes seconds to start.
    refuse_unsafe(file, trust)
    captured = CapturedOutput()
    WORKER.enter_stage(Stage.OPENING, str(file.path))
    import_seconds = _start_tensorflow(captured, options)
    options.progress.on_stage("opening the model")
    # The messages of the import are the same for every model, and explain no failure.
    import_length = len(captured.text)
    from inputgrad_cli.engine.opening import weight_check
    from inputgrad_cli.engine.opening.required_code import load_required_code
    from inputgrad_cli.engine.pass_setup import PassContext
    from inputgrad_cli.engine.tape_engine import TapeEngine

    with captured.capture():
        device = pick_device(options.device)
        limit_threads()
        workers = share_cores(device) if options.folded else 0
        enforce_limit()
    user_code = load_required_code(file, code, live_objects or {})
    # User code may take any time to import, and a trusted file any time to open.
    seconds = 0.0 if trust else compute_opening_seconds(file.path, import_seconds)
    WORKER.enter_stage(Stage.OPENING, str(file.path), seconds)
    try:
        # Weights on another device would be copied for every pass.
        with name_model_file(file.path), captured.capture(), use_device(device):
            adapter = _open_adapter(file, user_code, trust, has_code=bool(code or live_objects))
        context = PassContext(adapter, device=device, workers=workers, output=captured)
        engine = TapeEngine(context, options, config=file.config, remarks=user_code.remarks)
        if weight_check.is_built_late(file, adapter.model, captured.text):
            return LoadedModel(engine, captured, late=file)
        weight_check.check_weights(file, adapter.model)
    except ModelError as error:
        error.log = _drop_chatter(captured.text[import_length:])
        raise
    return LoadedModel(engine, captured)


def _start_tensorflow(captured: CapturedOutput, options: EngineOptions) -> float:
    """Import TensorFlow and Keras, and return the processor seconds that this took."""
    options.progress.on_stage("starting TensorFlow")
    process_memory_limit.suspend_limit()
    start_time = time.process_time()
    import_keras(captured, options.kernels)
    return time.process_time() - start_time


def _open_adapter(
    file: ModelFile, user_code: UserCode, trust: bool, *, has_code: bool
) -> KerasAdapter:
    """Return the adapter of the model, opened in Keras; ModelError if it does not fit into memory.

    With `has_code`, some of the model's code is the user's.
    """
    from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
    from inputgrad_cli.engine.adapter.losses import Losses
    from inputgrad_cli.engine.opening.keras_version_dispatch import open_in_keras, prepare_source
    from inputgrad_cli.engine.opening.memory_allocation_limit import (
        refuse_large_model,
        refuse_unrolled,
    )

    # No HDF5 file lists the arrays of a SavedModel, so nothing says how many bytes it may create.
    weight_bytes = None if file.form == "saved_model" else count_weight_bytes(file)
    growth = None
    # Code that is trusted, or the user's own, may take any memory.
    if weight_bytes is not None and not (trust or has_code):
        growth = OPENING_BYTES + WEIGHT_COPIES * weight_bytes
    with prepare_source(file) as path, refuse_large_model(file.path, weight_bytes):
        with process_memory_limit.limit_growth(growth):
            model = open_in_keras(file, path, user_code, trust)
        refuse_unrolled(file.path, model)
        losses = Losses({**user_code.names, **user_code.objects})
        return KerasAdapter(model, has_code, losses)


def _drop_chatter(text: str) -> str:
    """Return the messages without TensorFlow's notes on the hardware."""
    lines = [line for line in text.splitlines(keepends=True) if not CHATTER.match(line)]
    return "".join(lines)


def _read_late(file: ModelFile, model: Any) -> None:
    """Read the weights of a model that creates them in its first call, and check them."""
    from inputgrad_cli.engine.opening import weight_check
    from inputgrad_cli.engine.opening.keras_version_dispatch import prepare_source

    with prepare_source(file) as path:
        weight_check.reload_weights(file, model, str(path))
    weight_check.check_weights(file, model)
