"""The model of a run: opened when the first batch needs it, asked batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inputgrad_cli import api
from inputgrad_cli.batch import Answer, explain_batch
from inputgrad_cli.errors import ItemError
from inputgrad_cli.jobs.feed import Load, pieces
from inputgrad_cli.jobs.plan import Plan
from inputgrad_cli.question import Question
from inputgrad_cli.records import Facts
from inputgrad_cli.signature import Port


@dataclass(frozen=True)
class Pace:
    """How a run computes: `mode` is eager or traced. Chosen once, kept on resume."""

    mode: str
    batch_size: int


class Computer:
    """Opens the model late: a run whose items are all done needs no TensorFlow."""

    def __init__(self, plan: Plan, pace: Pace, opened: Callable[[api.Model], None]) -> None:
        self._plan, self._pace, self._opened = plan, pace, opened
        self._settled = False
        self._model: api.Model | None = None

    @property
    def model(self) -> api.Model:
        """Return the model, opening it the first time."""
        if self._model is None:
            job = self._plan.job
            self._model = api.load(
                self._plan.file,
                code=job.code,
                trust=job.trust,
                device=job.device,
                labels=self._plan.labels,
                batch_size=self._pace.batch_size,
                traced=self._pace.mode != "eager",
            )
        return self._model

    def ports(self) -> tuple[Port, ...]:
        """Return the model's inputs, from the archive where it tells them."""
        return self._plan.outline.inputs or self.model.signature.inputs

    def answers(self, batch: Sequence[Load]) -> list[list[Answer]]:
        """Return the answers of each pass over the samples of a batch that can be used."""
        passes = []
        for piece in pieces(batch, self._pace.batch_size):
            samples = piece.samples
            question = self._question(batch[0], piece.targets)
            if not self._settled:
                self.model.settle(samples, question.targets, self._plan.job.precision)
            passes.append(explain_batch(self.model.engine, samples, question, piece.truth))
            if not self._settled:
                self._opened(self.model)
                self._settled = True
        if not passes:
            raise ItemError(f"{batch[0].item.path}: no sample of it can be used", kind="empty")
        return passes

    def facts(self) -> Facts:
        """Return what the records of all items share."""
        return api.facts(self.model, self._question(None, None))

    def _question(self, load: Load | None, targets: tuple[str, ...] | None) -> Question:
        plan, job = self._plan, self._plan.job
        wanted = {made.label for made, _ in load.todo} if load else set()
        return Question(
            tuple(wish for wish in plan.wishes if load is None or wish.label in wanted),
            targets or job.targets,
            job.space,
            job.wrt,
            plan.baseline,
            job.seed,
            job.tolerance,
            plan.labels,
            api.pixel_inputs(self.ports(), plan.preprocess),
            plan.masks,
            self.model.compiled_loss,
        )


def deciding(plan: Plan) -> dict[str, Any]:
    """Return everything but an item's own content that decides its arrays."""
    job = plan.job
    return {
        "model": plan.file.sha256,
        "space": job.space,
        "wrt": job.wrt,
        "baseline": repr(plan.baseline),
        "preprocess": repr(plan.preprocess),
        "viewing": repr(job.viewing),
        "seed": job.seed,
        "tolerance": job.tolerance,
        "truth": plan.truth.digest if plan.truth else None,
        "masks": {path: hashlib.sha256(m.tobytes()).hexdigest() for path, m in plan.masks.items()},
        "precision": job.precision,
    }
