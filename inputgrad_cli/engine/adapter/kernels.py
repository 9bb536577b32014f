"""Which kernels TensorFlow computes with on a CPU: oneDNN's, or its own, which are Eigen's.

In TensorFlow 2.21 some eager operations of oneDNN's kernels corrupt memory: gradients of strided
1x1 convolutions, matrix products with an axis of one. The process then dies without a word, or
gives wrong numbers. Compiled programs of Keras's layers are right, so while oneDNN's kernels are on
nothing of a model is computed eagerly. In code of a user's own a compiled `tf.matmul` of four axes
by two, over an axis of one, ends the process too; the process that watches this one reports it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
ONEDNN, EIGEN = "onednn", "eigen"


def request_kernels(kernels: str | None) -> None:
    """Ask for kernels, before TensorFlow is imported; what the user's environment says stays.

    None leaves the choice to TensorFlow, which takes oneDNN's where the processor has AVX-512.
    """
    if kernels is not None and "tensorflow" not in sys.modules:
        os.environ.setdefault(VARIABLE, "1" if kernels == ONEDNN else "0")


def active_kernels() -> str:
    """Return the kernels that this process computes with, `onednn` or `eigen`.

    The environment is read once, when TensorFlow is imported; what it says later means nothing.
    """
    try:
        from tensorflow.python.util._pywrap_util_port import IsMklEnabled
    except ImportError:  # a TensorFlow that moved it: the safe answer is the one that compiles
        return EIGEN if os.environ.get(VARIABLE) == "0" else ONEDNN
    return ONEDNN if IsMklEnabled() else EIGEN


def must_compile() -> bool:
    """Return whether eager operations cannot be trusted in this process."""
    return active_kernels() == ONEDNN


@contextmanager
def unoptimized() -> Iterator[None]:
    """Let programs that are first run in this block compute as they were traced.

    TensorFlow's optimization of a graph takes longer than one run of one sample does.
    """
    import tensorflow as tf

    option = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def make_safe(function: Callable[..., Any], autograph: bool) -> Callable[..., Any]:
    """Return a function of tensors, compiled where eager kernels cannot be trusted.

    `autograph` is for code of the user's own, which may branch on tensors. ItemError where a
    tensor of it is larger than what memory is left.
    """
    if not must_compile():
        return function
    import tensorflow as tf

    from inputgrad_cli.engine.adapter.graph_size import refuse_large_graph

    compiled: Any = tf.function(function, autograph=autograph)

    def run(*tensors: Any) -> Any:
        refuse_large_graph(compiled.get_concrete_function(*tensors).graph)
        return compiled(*tensors)

    return run
