"""The one tree of exceptions. Each carries data; the command line alone makes words of it.

InputgradError
├── UsageError        the call asks for what cannot be, or what the model lacks
│   └── GrammarError  a word of `name:key=value` is wrong; knows where it stands
├── ItemError         one input cannot be used; the others can
│   └── CompileError  code that runs eagerly alone, where eager kernels cannot be trusted
├── ModelError        the model cannot be used
├── EmptyError        no input is left to work on
├── StorageError      disk, permissions
└── BusyError         another run holds the output directory
"""

from __future__ import annotations


class InputgradError(Exception):
    """What happened (`what`), the likely reason, the mend (a flag or a step), what was received.

    `kind` is the word that scripts see in the machine stream.
    """

    kind = "error"

    def __init__(
        self,
        what: str,
        *,
        reason: str = "",
        mend: str = "",
        received: str = "",
        kind: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.reason = reason
        self.mend = mend
        self.received = received
        if kind is not None:
            self.kind = kind

    def sentence(self) -> str:
        """Return all parts as one line of text."""
        parts = [self.what]
        if self.reason:
            parts.append(self.reason)
        if self.received:
            parts.append(f"received: {self.received}")
        if self.mend:
            parts.append(self.mend)
        line = "; ".join(part.rstrip(".") for part in parts)
        return line if line.endswith("?") else line + "."

    def __str__(self) -> str:
        return self.sentence()


class UsageError(InputgradError):
    """The call asks for what cannot be, or for what the model lacks."""

    kind = "usage"


class GrammarError(UsageError):
    """A word of the small language is wrong; `text[at:end]` is that word."""

    def __init__(
        self, what: str, text: str, at: int, end: int | None = None, mend: str = ""
    ) -> None:
        self.text = text
        self.at = at
        self.end = max(at + 1, len(text) if end is None else end)
        self.marked = (at, self.end) != (0, len(text))
        super().__init__(what, mend=mend, received=text if self.marked else "")


class ItemError(InputgradError):
    """One input cannot be used; the others can."""

    kind = "input"


class CompileError(ItemError):
    """The model's code can only run eagerly, which is not safe in this process."""

    kind = "compute"


class ModelError(InputgradError):
    """The model cannot be used; `log` is what TensorFlow and Keras wrote while it was opened."""

    kind = "model"
    log = ""


class EmptyError(InputgradError):
    """No input is left to work on."""

    kind = "empty"


class StorageError(InputgradError):
    """The disk or its permissions stand in the way."""

    kind = "storage"


class BusyError(InputgradError):
    """Another run holds the output directory."""

    kind = "busy"
