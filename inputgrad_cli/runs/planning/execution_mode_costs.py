"""Estimates how long a job takes in each mode, from the model file.

The figures were measured on two cores of x86-64 with TensorFlow 2.21, on MobileNetV2, ResNet50,
DenseNet121, small convolutional and recurrent networks; only their ratios matter. `make bench`
compares whole jobs of many sizes with plain scripts, eager and compiled. If a figure is far off,
one of its rows is too.
"""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.engine.adapter.cpu_kernel_selection import EIGEN, ONEDNN
from inputgrad_cli.modelfile.pass_cost_estimate import Workload

MODES = ("eager", "traced", "folded")
GIGA, MEGA = 1e9, 1e6

# Seconds to trace and optimize one layer, and one recurrent layer, whose loop is its own graph.
TRACE_LAYER, TRACE_LOOP = 0.0105, 0.7
# Seconds to call one layer eagerly and to go back through it, whatever the batch; and one step.
CALL_LAYER, CALL_STEP = 0.001, 0.002
# Seconds to fold a million weights into a program as constants.
FOLD_WEIGHTS = 0.15
# Time of a folded program relative to a traced one, because small passes share the cores.
FOLDED = 0.8


@dataclass(frozen=True)
class Rate:
    """Seconds of one sample, forward and backward.

    `multiplications` is per 10^9 products of weights, `activations` per 10^6 numbers from layers.
    """

    multiplications: float
    activations: float


# Eager operations are not fused, for example a convolution and the bias after it.
EAGER = Rate(0.037, 0.0014)
COMPILED = {EIGEN: Rate(0.032, 0.0012), ONEDNN: Rate(0.0203, 0.0005)}


def estimate_seconds(
    mode: str, work: Workload, samples: int, batch_size: int, kernels: str = ONEDNN
) -> float:
    """Estimate how long gradients of so many samples take in a mode, without start-up.

    `kernels` are those of compiled programs; eager ones always compute without oneDNN.
    """
    if mode == "eager":
        calls = -(-samples // batch_size)
        sample_seconds = work.layers * CALL_LAYER + work.steps * CALL_STEP
        return calls * sample_seconds + samples * _sample(work, EAGER)
    compiling = work.layers * TRACE_LAYER + work.loops * TRACE_LOOP
    sample_seconds = _sample(work, COMPILED[kernels])
    if mode == "traced":
        return compiling + samples * sample_seconds
    return compiling + work.weights / MEGA * FOLD_WEIGHTS + samples * sample_seconds * FOLDED


def _sample(work: Workload, rate: Rate) -> float:
    products = work.multiplications / GIGA * rate.multiplications
    return products + work.activations / MEGA * rate.activations
