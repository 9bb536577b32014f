"""Imports TensorFlow and Keras quickly, without output, and without the user's Keras settings."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
from inputgrad_cli.engine.adapter.cpu_kernel_selection import request_kernels
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.machine import process_memory_limit
from inputgrad_cli.machine.gpu_detection import build_absent_device_error
from inputgrad_cli.machine.memory_and_core_limits import (
    count_shared_cores,
    count_visible_cores,
    find_available_cores,
)
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.supervision.worker_state_reporting import WORKER

# Keras imports these for helpers that are never called here; they take as long as Keras itself.
UNUSED_MODULES = ("matplotlib", "sklearn", "pandas", "scipy")
MIN_FREE_BYTES = 32 << 20  # bytes that the smallest model needs in addition to the libraries


def import_keras(captured: CapturedOutput, kernels: str | None = None) -> None:
    """Import Keras on the TensorFlow backend, with the settings that models expect.

    `kernels` are the CPU kernels to use, unless TensorFlow is imported already. `captured`
    collects the messages. Raises ModelError if Keras runs on another backend already.
    """
    request_kernels(kernels)
    if "keras" not in sys.modules:
        with (
            captured.capture(),
            _use_settings(),
            _hide_modules(UNUSED_MODULES),
            _pause_collection(),
        ):
            import keras
            import tensorflow  # noqa: F401 - imported first, it would import more of Keras
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} in this process",
            reason="gradients are taken by TensorFlow",
            hint="set KERAS_BACKEND=tensorflow before Keras is imported",
        )
    # Keras's own defaults: what the user has set for other work must not change a result.
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)
    tf.get_logger().setLevel("ERROR")


@contextmanager
def _use_settings() -> Iterator[None]:
    """Set the environment variables that Keras and TensorFlow read while they are imported."""
    # Keras reads keras.json from KERAS_HOME and creates it; below a device file it can do neither.
    variables = {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.path.join(os.devnull, "keras"),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        # Otherwise TensorFlow takes all memory of a GPU at once, whatever else runs there.
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
    }
    previous = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in ("KERAS_BACKEND", "KERAS_HOME"):
            if previous[name] is None:
                del os.environ[name]
            else:
                os.environ[name] = str(previous[name])


@contextmanager
def _hide_modules(names: tuple[str, ...]) -> Iterator[None]:
    """Hide modules that are not imported yet, so that optional imports of them fail quickly."""
    hidden = [name for name in names if name not in sys.modules]
    blocked: dict[str, Any] = dict.fromkeys(hidden)
    sys.modules.update(blocked)
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


@contextmanager
def _pause_collection() -> Iterator[None]:
    """Disable garbage collection in this block.

    An import leaves no garbage, and collecting takes a sixth of the time of TensorFlow's import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if WORKER.page:  # the command-line worker keeps these modules until it ends
            gc.freeze()
        if was_enabled:
            gc.enable()


def pick_device(requested: str) -> str | None:
    """Return TensorFlow's name of the device `auto`, `cpu`, `gpu` or `gpu:N`.

    None leaves the choice to TensorFlow. Raises UsageError if an explicit device is absent.
    """
    import tensorflow as tf

    # TensorFloat-32, which is on by default since NVIDIA's Ampere, keeps ten bits of each factor.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if requested == "auto":
        return None
    if requested == "cpu":
        return "/device:CPU:0"
    index = int(requested.partition(":")[2] or 0)
    count = len(tf.config.list_physical_devices("GPU"))
    if index >= count:
        raise build_absent_device_error(requested, count, "TensorFlow sees")
    return f"/device:GPU:{index}"


def use_device(device: str | None) -> AbstractContextManager[object]:
    """Return a context in which TensorFlow computes and creates variables on a device."""
    import tensorflow as tf

    return tf.device(device) if device else nullcontext()


def limit_threads() -> None:
    """Limit TensorFlow's threads to the cores of this process.

    TensorFlow reads only the affinity mask. A container pauses a process with more running threads
    than its share of the cores.
    """
    import tensorflow as tf

    cores = find_available_cores().value
    if cores < count_visible_cores():
        with suppress(RuntimeError):  # too late to set
            tf.config.threading.set_intra_op_parallelism_threads(cores)
            tf.config.threading.set_inter_op_parallelism_threads(cores)


def share_cores(device: str | None) -> int:
    """Run each kernel in one thread, and return how many threads may call kernels in parallel.

    On most models several small passes in parallel are faster than one pass at a time on kernels
    of many threads. Returns 0 on a GPU, and if TensorFlow has already started with such kernels.
    """
    import tensorflow as tf

    if device != "/device:CPU:0" and tf.config.list_physical_devices("GPU"):
        return 0
    with suppress(RuntimeError):  # too late to set
        tf.config.threading.set_intra_op_parallelism_threads(1)
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return 0
    return count_shared_cores()


def list_devices() -> list[str]:
    """Return the names of the devices that TensorFlow sees."""
    import tensorflow as tf

    return [
        device.name.replace("/physical_device:", "") for device in tf.config.list_physical_devices()
    ]


def list_versions() -> dict[str, str]:
    """Return the versions of TensorFlow and Keras, which affect the last digits of results."""
    import keras
    import tensorflow as tf

    return {"tensorflow": tf.__version__, "keras": keras.__version__}


def enforce_limit() -> None:
    """Set the memory limit of this process again; UsageError if too little of it is free.

    With a GPU no limit is set, because its driver reserves huge amounts of address space.
    """
    import tensorflow as tf

    free = process_memory_limit.find_free_memory()
    if free.size < MIN_FREE_BYTES:
        held = process_memory_limit.measure_resident()
        raise UsageError(
            f"{free.source}: TensorFlow and Keras alone hold {held:,} bytes",
            hint=MEMORY_HINT,
            kind="memory",
        )
    if not tf.config.list_physical_devices("GPU"):
        tf.constant(0)  # starts its threads before the limit is set, which counts their stacks
        process_memory_limit.restore_limit()
