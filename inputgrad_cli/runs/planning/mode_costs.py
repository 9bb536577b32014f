"""About how long a job takes in each mode, from what the model's file says: what a mode costs.

The figures were measured on two cores of x86-64 with TensorFlow 2.21, on MobileNetV2, ResNet50,
DenseNet121, small convolutional and recurrent networks; only their ratios matter. `make bench`
holds whole jobs of many sizes against straight scripts, eager and compiled: where a figure is far
off, a row there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.engine.adapter.kernels import EIGEN, ONEDNN
from inputgrad_cli.modelfile.workload import Workload

MODES = ("eager", "traced", "folded")
GIGA, MEGA = 1e9, 1e6

# Seconds to trace and optimize one layer, and a recurrent one, whose loop is a graph of its own.
TRACE_LAYER, TRACE_LOOP = 0.0105, 0.7
# Seconds to call one layer eagerly and to go back through it, whatever the batch; and one step.
CALL_LAYER, CALL_STEP = 0.001, 0.002
# Seconds to fold a million weights into a program as constants.
FOLD_WEIGHTS = 0.15
# What a folded program takes of a traced one's time, as small passes share the cores.
FOLDED = 0.8


@dataclass(frozen=True)
class Rate:
    """Seconds of one sample, there and back.

    `multiplications` is per 10^9 products of weights, `activations` per 10^6 numbers from layers.
    """

    multiplications: float
    activations: float


# Eagerly nothing is done in one go, such as a convolution and the bias behind it.
EAGER = Rate(0.037, 0.0014)
COMPILED = {EIGEN: Rate(0.032, 0.0012), ONEDNN: Rate(0.0203, 0.0005)}


def estimate_seconds(
    mode: str, work: Workload, samples: int, batch_size: int, kernels: str = ONEDNN
) -> float:
    """Return about how long gradients of so many samples take in a mode, start-up left out.

    `kernels` are those of compiled programs; eager ones always compute without oneDNN.
    """
    if mode == "eager":
        calls = -(-samples // batch_size)
        each = work.layers * CALL_LAYER + work.steps * CALL_STEP
        return calls * each + samples * _sample(work, EAGER)
    compiling = work.layers * TRACE_LAYER + work.loops * TRACE_LOOP
    each = _sample(work, COMPILED[kernels])
    if mode == "traced":
        return compiling + samples * each
    return compiling + work.weights / MEGA * FOLD_WEIGHTS + samples * each * FOLDED


def _sample(work: Workload, rate: Rate) -> float:
    products = work.multiplications / GIGA * rate.multiplications
    return products + work.activations / MEGA * rate.activations
