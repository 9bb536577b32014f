"""Defines the exceptions. They carry data; only the command line formats them for the terminal.

InputgradError
├── UsageError        the call asks for something impossible, or that the model lacks
│   └── GrammarError  a word of `name:key=value` is wrong; carries its position
├── ItemError         one input cannot be used; the others can
│   └── CompileError  the code only runs eagerly, which is unsafe in this process
├── ModelError        the model cannot be used
├── EmptyError        there are no inputs left to process
├── StorageError      the disk or its permissions
├── BusyError         another run holds the output directory
└── EngineLostError   the cluster that computes cannot be reached, or has no workers
"""

from __future__ import annotations

from typing import Any


class InputgradError(Exception):
    """The base class: a message, its likely reason, a hint (a flag or a step), the received value.

    `kind` is the word that scripts see in the JSON stream. `log` is text of several lines that
    people see before the message.
    """

    kind = "error"
    log = ""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        hint: str = "",
        received: str = "",
        kind: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.hint = hint
        self.received = received
        if kind is not None:
            self.kind = kind

    def format_line(self) -> str:
        """Return the message, reason, received value and hint as one line of text."""
        parts = [self.message]
        if self.reason:
            parts.append(self.reason)
        if self.received:
            parts.append(f"received: {self.received}")
        if self.hint:
            parts.append(self.hint)
        line = "; ".join(part.rstrip(".") for part in parts)
        return line if line.endswith("?") else line + "."

    def __str__(self) -> str:
        return self.format_line()


class UsageError(InputgradError):
    """The call asks for something impossible, or for something that the model lacks."""

    kind = "usage"


class GrammarError(UsageError):
    """A word of an expression `name:key=value` is wrong; `text[at:end]` is that word."""

    def __init__(
        self, message: str, text: str, at: int, end: int | None = None, hint: str = ""
    ) -> None:
        self.text = text
        self.at = at
        # At least one character is marked, also where something is missing at the end.
        self.end = max(at + 1, len(text) if end is None else end)
        self.marked = (at, self.end) != (0, len(text))
        super().__init__(message, hint=hint, received=text if self.marked else "")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how the error is unpickled; by default Python would pass the message alone."""
        return type(self), (self.message, self.text, self.at, self.end, self.hint), vars(self)


class ItemError(InputgradError):
    """One input cannot be used; the others can."""

    kind = "input"


class CompileError(ItemError):
    """The model's code can only run eagerly, which is not safe in this process."""

    kind = "compute"


class ModelError(InputgradError):
    """The model cannot be used; `log` is what TensorFlow and Keras wrote while it was opened."""

    kind = "model"


class EmptyError(InputgradError):
    """There are no inputs left to process."""

    kind = "empty"


class StorageError(InputgradError):
    """A file cannot be read or written because of the disk or its permissions."""

    kind = "storage"


class BusyError(InputgradError):
    """Another run holds the output directory."""

    kind = "busy"


class EngineLostError(InputgradError):
    """The cluster that computes cannot be reached, or has no workers; run again."""

    kind = "engine"
