"""The model of a run: opened when the first batch needs it, asked batch by batch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from inputgrad_cli import api
from inputgrad_cli.data.baselines import Baseline, Given
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Port
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.explanation.batch import Answer, InTurn, explain_batch
from inputgrad_cli.explanation.early_checks import refuse_labels
from inputgrad_cli.explanation.item_record import Facts
from inputgrad_cli.explanation.request import Question
from inputgrad_cli.formats.baseline_files import content, read_given
from inputgrad_cli.interfaces.engine import SILENT, Telling
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.runs.inputs.loader import Load, Piece, pieces
from inputgrad_cli.runs.planning.pixel_record import code_marks, remembered, shows_pictures
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.runs.planning.schedule import Pace
from inputgrad_cli.runs.spill_buffer import Keeper
from inputgrad_cli.schema.records import RunRecord
from inputgrad_cli.supervision.shared_page import Stage
from inputgrad_cli.supervision.worker import WORKER


@dataclass(frozen=True)
class Found:
    """What a batch gave: the answers of each pass, their facts, the seconds a sample took."""

    batch: Sequence[Load]
    passes: Sequence[Sequence[Answer]]
    facts: Facts
    seconds: float

    @property
    def nbytes(self) -> int:
        """Return how much memory the values take."""
        return sum(a.nbytes for part in self.passes for made in part for a in made.values.values())


@dataclass(frozen=True)
class Faulty:
    """A batch that gave nothing, because of one of its items."""

    batch: Sequence[Load]
    error: ItemError


class Computer:
    """Opens the model late: a run whose items are all done needs no TensorFlow."""

    def __init__(
        self,
        plan: Plan,
        pace: Pace,
        opened: Callable[[api.Model], None],
        telling: Telling = SILENT,
    ) -> None:
        self._plan, self._pace, self._opened = plan, pace, opened
        self._telling = telling
        self._settled = False
        self._size = pace.batch_size
        self._model: api.Model | None = None

    @property
    def plan(self) -> Plan:
        """Return the plan, with what the opened model told."""
        return self._plan

    def settle_pixels(self, earlier: RunRecord | None) -> None:
        """Let the opened model tell how it takes pixels, where its file cannot.

        What an earlier run was told is not asked again: if all is done, nothing is opened.
        """
        plan = self._plan
        if plan.pixels.settled or not (shows_pictures(plan) or plan.job.baseline):
            return
        pixels = remembered(earlier, plan.file.sha256, code_marks(plan.job.code))
        pixels = pixels or self.model.preprocessing(plan.job.preprocess)
        self._plan = replace(plan, pixels=pixels)

    @property
    def model(self) -> api.Model:
        """Return the model, opening it the first time."""
        if self._model is None:
            job = self._plan.job
            WORKER.enter(Stage.OPENING, str(job.model))
            self._model = api.load(
                self._plan.file,
                code=job.code,
                trust=job.trust,
                device=job.device,
                labels=self._plan.labels,
                batch_size=self._size,
                traced=self._pace.mode != "eager",
                folded=self._pace.mode == "folded",
                padded=self._pace.padded,
                telling=self._telling,
                kernels=self._pace.kernels,
            )
            WORKER.enter(Stage.COMPUTING, str(job.model))
        return self._model

    def resize(self, size: int) -> None:
        """Hold at most `size` samples in one pass from here on."""
        if self._model and size != self._size:
            self._model.engine.resize(size)
        self._size = size

    def ports(self) -> tuple[Port, ...]:
        """Return the model's inputs, from the archive where it tells them."""
        return self._plan.outline.inputs or self.model.signature.inputs

    @property
    def lanes(self) -> int:
        """Return how many batches gain by being computed at a time; 0 where no model is open."""
        return self.model.engine.lanes if self._settled else 0

    def found(self, batch: Sequence[Load], shared: bool = False) -> Found | Faulty:
        """Return what a batch gives, or the error where one of its items is at fault.

        `shared` says that others are computed at the same time.
        """
        began, names = time.monotonic(), [load.item.name for load in batch]
        _ = self.model  # a process that dies while it is opened does not die of an item
        try:
            with WORKER.at_work(names):
                passes, facts = self._answers(batch, shared), self._facts()
        except ItemError as error:
            return Faulty(batch, error)
        seconds = (time.monotonic() - began) / sum(len(load.samples) for load in batch)
        return Found(batch, passes, facts, seconds)

    def _answers(self, batch: Sequence[Load], shared: bool) -> list[list[Answer]]:
        """Return the answers of each pass over the samples of a batch that can be used."""
        passes: list[list[Answer]] = []
        keeper, many, through = Keeper(self._plan.job.out), batch[0].samples.many, 0
        for piece in pieces(batch, self._size):
            samples = piece.samples
            question = self._question(batch[0], piece.targets)
            if not self._settled:
                job = self._plan.job
                self.model.settle(samples, self._plan.every_target, job.precision, job.seed)
                refuse_labels(self._plan.labels, self.model.signature.outputs)
            self._telling.stage("")
            found = self._explained(samples, question, piece, shared and not many)
            passes.append(keeper.keep(found) if many else found)
            if many:
                through += len(samples)
                self._telling.part(through, len(batch[0].samples))
            if not self._settled:
                self._opened(self.model)
                self._settled = True
        if not passes:
            raise ItemError(f"{batch[0].item.path}: no sample of it can be used", kind="empty")
        return passes

    def _explained(
        self, samples: Samples, question: Question, piece: Piece, shared: bool
    ) -> list[Answer]:
        engine = InTurn(self.model.engine) if shared else self.model.engine
        try:
            return explain_batch(engine, samples, question, piece.truth)
        except UsageError as error:
            if piece.targets is None:
                raise
            # A target from a file is one item's own; the others need not suffer.
            raise ItemError(
                error.what, reason=error.reason, mend=error.mend, kind="target"
            ) from None

    def _facts(self) -> Facts:
        """Return what the records of all items share."""
        return api.facts(self.model, self._question(None, None))

    def _question(self, load: Load | None, targets: tuple[Target, ...] | None) -> Question:
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
            api.pixel_inputs(self.ports(), plan.pixels),
            plan.masks,
            self.model.compiled_loss,
            self._given,
            job.check_grad,
        )

    @cached_property
    def _given(self) -> dict[str, Array]:
        return read_given(self._plan.baseline, self._plan.reading(self.ports()))


def _given_mark(baseline: Baseline | None) -> str | None:
    """Return a hash of the file that a baseline stands in."""
    if not isinstance(baseline, Given):
        return None
    return hashlib.sha256(content(baseline)).hexdigest()


def deciding(plan: Plan) -> dict[str, Any]:
    """Return everything but an item's own content that decides its arrays."""
    job = plan.job
    return {
        "model": plan.file.sha256,
        "space": job.space,
        "wrt": job.wrt,
        "baseline": [repr(plan.baseline), _given_mark(plan.baseline)],
        "preprocess": plan.pixels.written(),
        "aliases": dict(job.aliases),
        "viewing": repr(job.viewing),
        **({"columns": list(job.columns)} if job.columns else {}),
        "seed": job.seed,
        "tolerance": job.tolerance,
        "code": code_marks(job.code),
        "precision": job.precision,
        **({"check_grad": True} if job.check_grad else {}),
    }
