"""Error messages for workers that died."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from inputgrad_cli.errors import InputgradError, ItemError, ModelError
from inputgrad_cli.supervision.shared_memory_page import Stage

CRASH_REASONS = {
    signal.SIGSEGV: "a fault in native code",
    signal.SIGABRT: "native code aborted",
    signal.SIGBUS: "a fault in native code, or a file that shrank while it was read",
    signal.SIGILL: "native code that was built for another processor",
    signal.SIGFPE: "an invalid arithmetic operation in native code",
    signal.SIGKILL: "the memory was probably full",
    signal.SIGTRAP: "native code aborted",
    signal.SIGSYS: "a system call that is not allowed here",
}
CRASHED = "crashed"
STAGE_DESCRIPTIONS = {
    Stage.STARTING: "while the call was prepared",
    Stage.READING: "while the model's file was read",
    Stage.OPENING: "while TensorFlow started or opened a model",
    Stage.COMPUTING: "while items were computed",
    Stage.ENDING: "while the call ended",
}


@dataclass(frozen=True)
class GuardFault:
    """The end of a worker by the parent, because a guard found an error."""

    cause: InputgradError

    def to_error(self) -> InputgradError:
        """Return the error if this ends the call."""
        return self.cause

    def to_item_error(self) -> ItemError:
        """Return the error of the item that was computed alone."""
        cause = self.cause
        return ItemError(cause.message, reason=cause.reason, hint=cause.hint, kind=cause.kind)

    def to_repeated_error(self, times: int) -> InputgradError:
        """Return the error if this ended `times` workers in a row."""
        return self.cause


@dataclass(frozen=True)
class Crash:
    """The death of a worker by a fatal signal.

    `subject` is the model or the input of the stage, `log` the path of the traceback; both may be
    empty.
    """

    signal_number: int
    stage: Stage
    subject: str = ""
    log: str = ""

    def to_error(self) -> InputgradError:
        """Return the error if this ends the call."""
        opening = self.stage in (Stage.READING, Stage.OPENING)
        subject = f"{self.subject}: " if self.subject else ""
        event = f"the process died of {self.name} {STAGE_DESCRIPTIONS[self.stage]}"
        return (ModelError if opening else InputgradError)(
            f"{subject}{event}{self._where}",
            reason=CRASH_REASONS[signal.Signals(self.signal_number)],
            hint=self._suggest_remedy("or --batch-size 1"),
            kind=CRASHED,
        )

    def to_item_error(self) -> ItemError:
        """Return the error of the item that was computed alone."""
        return ItemError(
            f"the process that computed it died of {self.name}{self._where}",
            reason=CRASH_REASONS[signal.Signals(self.signal_number)],
            hint=self._suggest_remedy("and report it"),
            kind=CRASHED,
        )

    def to_repeated_error(self, times: int) -> InputgradError:
        """Return the error if `times` workers in a row died."""
        return InputgradError(
            f"{times} processes in a row died, the last of {self.name}{self._where}",
            reason=f"{CRASH_REASONS[signal.Signals(self.signal_number)]}, whatever the input",
            hint=self._suggest_remedy("or --batch-size 1"),
            kind=CRASHED,
        )

    @property
    def name(self) -> str:
        """Return the name of the signal, for example SIGSEGV."""
        return signal.Signals(self.signal_number).name

    @property
    def _where(self) -> str:
        return f"; the traceback is in {self.log}" if self.log else ""

    def _suggest_remedy(self, more: str) -> str:
        if self.signal_number == signal.SIGKILL:
            return "end other processes, or limit this one with --max-memory and --batch-size 1"
        if self.signal_number == signal.SIGILL:
            return "install a TensorFlow that was built for this processor"
        return f"try TF_ENABLE_ONEDNN_OPTS=0 in the environment, {more}"
