"""What it means that a worker died, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from inputgrad_cli.errors import InputgradError, ItemError, ModelError
from inputgrad_cli.supervision.shared_page import Stage

CRASHES = {
    signal.SIGSEGV: "a fault in native code",
    signal.SIGABRT: "native code gave up",
    signal.SIGBUS: "a fault in native code, or a file that shrank while it was read",
    signal.SIGILL: "native code made for another processor",
    signal.SIGFPE: "an impossible division in native code",
    signal.SIGKILL: "the memory was probably short",
    signal.SIGTRAP: "native code gave up",
    signal.SIGSYS: "a call that this system forbids",
}
KIND = "crashed"
DOING = {
    Stage.STARTING: "while the call was prepared",
    Stage.READING: "while the model's file was read",
    Stage.OPENING: "while TensorFlow started or opened a model",
    Stage.COMPUTING: "while items were computed",
    Stage.ENDING: "while the call came to its end",
}


@dataclass(frozen=True)
class Fault:
    """Why the parent ended a worker: what a guard found."""

    found: InputgradError

    def error(self) -> InputgradError:
        """Return what to tell where this ends the call."""
        return self.found

    def of_item(self) -> ItemError:
        """Return what to tell of the item that was computed alone."""
        found = self.found
        return ItemError(found.what, reason=found.reason, mend=found.mend, kind=found.kind)

    def of_all(self, times: int) -> InputgradError:
        """Return what to tell where process after process was ended so."""
        return self.found


@dataclass(frozen=True)
class Death:
    """A signal of the machine, the stage that it came in, where the traceback is (or nothing)."""

    number: int
    stage: Stage
    subject: str = ""
    log: str = ""

    def error(self) -> InputgradError:
        """Return what to tell where this ends the call."""
        opening = self.stage in (Stage.READING, Stage.OPENING)
        subject = f"{self.subject}: " if self.subject else ""
        return (ModelError if opening else InputgradError)(
            f"{subject}the process died of {self.name} {DOING[self.stage]}{self._where}",
            reason=CRASHES[signal.Signals(self.number)],
            mend=self._mend("or --batch-size 1"),
            kind=KIND,
        )

    def of_item(self) -> ItemError:
        """Return what to tell of the item that was computed alone."""
        return ItemError(
            f"the process that computed it died of {self.name}{self._where}",
            reason=CRASHES[signal.Signals(self.number)],
            mend=self._mend("and report it"),
            kind=KIND,
        )

    def of_all(self, times: int) -> InputgradError:
        """Return what to tell where process after process died."""
        return InputgradError(
            f"{times} processes in a row died, the last of {self.name}{self._where}",
            reason=f"{CRASHES[signal.Signals(self.number)]}, whatever the input",
            mend=self._mend("or --batch-size 1"),
            kind=KIND,
        )

    @property
    def name(self) -> str:
        """Return the name of the signal."""
        return signal.Signals(self.number).name

    @property
    def _where(self) -> str:
        return f"; the traceback is in {self.log}" if self.log else ""

    def _mend(self, more: str) -> str:
        if self.number == signal.SIGKILL:
            return "end what else fills it, or bound this with --max-memory and --batch-size 1"
        if self.number == signal.SIGILL:
            return "install a TensorFlow that was built for this one"
        return f"try TF_ENABLE_ONEDNN_OPTS=0 in the environment, {more}"
