"""Selects the kernels that TensorFlow uses on a CPU: oneDNN's, or Eigen's, which are its own.

In TensorFlow 2.21 some eager operations of oneDNN's kernels corrupt memory: gradients of strided
1x1 convolutions, and matrix products with an axis of one. The process then dies without a message,
or returns wrong numbers. Compiled programs of Keras's layers are correct, so no part of a model is
computed eagerly while oneDNN's kernels are on. In user code, even a compiled `tf.matmul` of four
axes by two, over an axis of one, ends the process; the supervising process reports that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ONEDNN_VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
ONEDNN, EIGEN = "onednn", "eigen"


def request_kernels(kernels: str | None) -> None:
    """Select kernels before TensorFlow is imported, unless the user's environment selects them.

    None leaves the choice to TensorFlow, which takes oneDNN's if the processor has AVX-512.
    """
    if kernels is not None and "tensorflow" not in sys.modules:
        os.environ.setdefault(ONEDNN_VARIABLE, "1" if kernels == ONEDNN else "0")


def get_active_kernels() -> str:
    """Return the kernels that this process computes with, `onednn` or `eigen`.

    TensorFlow reads the environment once, when it is imported; later changes have no effect.
    """
    try:
        from tensorflow.python.util._pywrap_util_port import IsMklEnabled
    except ImportError:  # this TensorFlow has moved it; the safe answer is the one that compiles
        return EIGEN if os.environ.get(ONEDNN_VARIABLE) == "0" else ONEDNN
    return ONEDNN if IsMklEnabled() else EIGEN


def must_compile() -> bool:
    """Return whether models must be compiled because eager operations may corrupt memory."""
    return get_active_kernels() == ONEDNN


@contextmanager
def skip_graph_optimization() -> Iterator[None]:
    """Run the programs that are first run in this block without optimizing their graphs.

    TensorFlow's optimization of a graph takes longer than running it once on one sample.
    """
    import tensorflow as tf

    option = "disable_meta_optimizer"
    previous = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: previous})


def make_safe(function: Callable[..., Any], autograph: bool) -> Callable[..., Any]:
    """Return a function of tensors, compiled if eager kernels cannot be trusted.

    `autograph` is for user code, which may branch on tensors. The compiled function raises
    ItemError if one of its tensors is larger than the free memory.
    """
    if not must_compile():
        return function
    import tensorflow as tf

    from inputgrad_cli.engine.adapter.graph_memory_check import refuse_large_graph

    compiled: Any = tf.function(function, autograph=autograph)

    def run(*tensors: Any) -> Any:
        refuse_large_graph(compiled.get_concrete_function(*tensors).graph)
        return compiled(*tensors)

    return run
