"""Imports TensorFlow and Keras: quickly, quietly, and untouched by the user's Keras settings."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from inputgrad_cli.engine.adapter.captured_stderr import Noise
from inputgrad_cli.engine.adapter.kernels import request_kernels
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.machine import memory
from inputgrad_cli.machine.limits import available_cores, visible_cores
from inputgrad_cli.supervision.worker import WORKER

# Keras imports these for helpers that we never call; they cost as much as Keras itself.
UNUSED = ("matplotlib", "sklearn", "pandas", "scipy")


def boot(noise: Noise, kernels: str | None = None) -> None:
    """Import TensorFlow and Keras on the TensorFlow backend with the settings models expect.

    `kernels` are those to compute with, unless TensorFlow is imported already.
    """
    request_kernels(kernels)
    if "keras" not in sys.modules:
        with noise.kept(), _settings(), _without(UNUSED), _nothing_collected():
            import keras
            import tensorflow  # noqa: F401 - not before Keras: it would import it with more
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()} in this process",
            reason="gradients are taken by TensorFlow",
            mend="set KERAS_BACKEND=tensorflow before Keras is imported",
        )
    keras.config.set_floatx("float32")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_epsilon(1e-7)
    tf.get_logger().setLevel("ERROR")


@contextmanager
def _settings() -> Iterator[None]:
    """Set the environment that Keras and TensorFlow read while they are imported."""
    # Keras reads keras.json from KERAS_HOME and makes the directory; below a device there is none.
    wanted = {
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.path.join(os.devnull, "keras"),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in ("KERAS_BACKEND", "KERAS_HOME"):
            if before[name] is None:
                del os.environ[name]
            else:
                os.environ[name] = str(before[name])


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Hide modules that are not imported yet, so that optional imports of them fail at once."""
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
def _nothing_collected() -> Iterator[None]:
    """Look for no garbage: an import leaves none, and to look takes a sixth of TensorFlow's."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if WORKER.page:  # a command of ours: what was imported lives as long as the process
            gc.freeze()
        if collecting:
            gc.enable()


def pick_device(asked: str) -> str | None:
    """Return TensorFlow's name of the device that `auto`, `cpu`, `gpu` or `gpu:N` means.

    None leaves the choice to TensorFlow. UsageError where an explicit device is absent.
    """
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)
    if asked == "auto":
        return None
    if asked == "cpu":
        return "/device:CPU:0"
    number = int(asked.partition(":")[2] or 0)
    there = len(tf.config.list_physical_devices("GPU"))
    if number >= there:
        raise UsageError(
            f"--device {asked}: there is no such device here",
            reason=f"TensorFlow sees {there or 'no'} GPU{'' if there == 1 else 's'}",
            mend="use --device auto or cpu; `inputgrad doctor` lists the devices",
        )
    return f"/device:GPU:{number}"


def on(device: str | None) -> AbstractContextManager[object]:
    """Return a block in which TensorFlow computes on a device, and keeps variables there."""
    import tensorflow as tf

    return tf.device(device) if device else nullcontext()


def limit_threads() -> None:
    """Let TensorFlow start no more threads than there are cores to this process.

    It looks at the affinity mask alone; more threads than a container's share are held up in turn.
    """
    import tensorflow as tf

    cores = available_cores().value
    if cores < visible_cores():
        with suppress(RuntimeError):  # too late to set
            tf.config.threading.set_intra_op_parallelism_threads(cores)
            tf.config.threading.set_inter_op_parallelism_threads(cores)


def share_cores(device: str | None) -> int:
    """Let each kernel run in one thread, and return how many threads may call kernels at once.

    On most models several small passes side by side beat kernels that share out each pass. 1 on a
    GPU, and where TensorFlow has started already with kernels of many threads.
    """
    import tensorflow as tf

    if device != "/device:CPU:0" and tf.config.list_physical_devices("GPU"):
        return 1
    with suppress(RuntimeError):  # too late to set
        tf.config.threading.set_intra_op_parallelism_threads(1)
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return 1
    return available_cores().value


def devices() -> list[str]:
    """Return the devices that TensorFlow sees, by name."""
    import tensorflow as tf

    return [
        device.name.replace("/physical_device:", "") for device in tf.config.list_physical_devices()
    ]


def versions() -> dict[str, str]:
    """Return the versions that decide the last digits of a result."""
    import keras
    import tensorflow as tf

    return {"tensorflow": tf.__version__, "keras": keras.__version__}


SMALLEST = 32 << 20  # bytes that the smallest of models needs beside the libraries


def hold_limit() -> None:
    """Let the process keep to its allowance from here on; UsageError where nothing is left of it.

    With a GPU no limit is set: its driver reserves address space without end.
    """
    import tensorflow as tf

    left = memory.room()
    if left.size < SMALLEST:
        raise UsageError(
            f"{left.words}: TensorFlow and Keras alone hold {memory.resident():,} bytes",
            mend=memory.MEND,
            kind="memory",
        )
    if not tf.config.list_physical_devices("GPU"):
        tf.constant(0)  # its threads begin before the limit, which counts their stacks
        memory.enforce()
