"""The facts about a model that one real sample revealed, from which its runner is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile
from inputgrad_cli.engine.input_differentiability import InputDependence
from inputgrad_cli.interfaces.engine import EngineOptions

Mode = Literal["eager", "traced", "folded"]
SINGLE_SAMPLE_NOTES = {"random", "batch"}  # their models give other values in larger passes


@dataclass(frozen=True)
class Calibration:
    """The facts about a model; the defaults hold before its first sample.

    `dependences` holds, for each input, how the outputs depend on it. `mode` is how programs run.
    Every pass starts from `seed`, which is None unless a layer draws random numbers at inference.
    `flat_taps` are taps without a batch axis, such as position embeddings. `notes` are messages for
    the user by code: `random` if a layer stays random at inference, `batch` if the model mixes
    samples, `eager` if it cannot be compiled.
    """

    heads: tuple[OutputSpec, ...] = ()
    dependences: Mapping[str, InputDependence] = field(default_factory=dict)
    mode: Mode = "eager"
    seed: int | None = None
    flat_taps: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_single_samples(self) -> bool:
        """Return whether each sample needs a pass of its own."""
        return bool(self.flat_taps or SINGLE_SAMPLE_NOTES & self.notes.keys())

    def run_eagerly(self, note: str) -> Calibration:
        """Return the same facts for a model that cannot be compiled, as the note explains."""
        return replace(self, mode="eager", notes={**self.notes, "eager": note})


def choose_mode(
    options: EngineOptions, *, is_stateful: bool, is_random: bool = False, needs_graph: bool = False
) -> Mode:
    """Return how programs run: as the options ask, unless layers or kernels require otherwise.

    `needs_graph` is true if only a traced function finds the logits or computes correct values.
    """
    # Threads that share folded passes would also share the layers' states and generators.
    if options.folded and not (is_stateful or is_random):
        return "folded"
    # In a graph TensorFlow's generators keep their state, so every pass would need a new graph.
    wants_graph = (options.traced or options.folded) and not is_random
    return "traced" if must_compile() or needs_graph or wants_graph else "eager"
