"""Errors in words, and their exit codes."""

from __future__ import annotations

import os
import sys

from inputgrad_cli.choices import printable
from inputgrad_cli.cli.terminal import say
from inputgrad_cli.errors import (
    BusyError,
    EmptyError,
    GrammarError,
    InputgradError,
    ItemError,
    ModelError,
    StorageError,
    UsageError,
)
from inputgrad_cli.machine.memory import MEND

CODES: tuple[tuple[type[InputgradError], int], ...] = (
    (UsageError, 2),
    (ItemError, 3),
    (ModelError, 4),
    (EmptyError, 5),
    (StorageError, 74),
    (BusyError, 75),
)


def exit_code(error: InputgradError) -> int:
    """Return the exit code of the contract."""
    return next((code for kind, code in CODES if isinstance(error, kind)), 70)


def known(error: InputgradError | OSError | MemoryError) -> InputgradError:
    """Return an error of the system as one of ours; raises again where stdout is what failed."""
    if isinstance(error, InputgradError):
        return error
    if isinstance(error, MemoryError):
        mend = f"use a smaller --batch-size, or {MEND}"
        return StorageError("the memory does not suffice", mend=mend, kind="memory")
    if sys.stdout is not None:
        sys.stdout.flush()
    where = printable(str(error.filename or "the output"))
    return StorageError(f"{where}: cannot be used", reason=str(error.strerror or error))


def bug() -> InputgradError:
    """Return the exception under way as a bug of ours; its traceback goes into a file.

    That no thread can be started is a want of memory, which Python calls by no class of its own.
    """
    import tempfile
    import traceback

    from inputgrad_cli.supervision.temporary_folder import SCRATCH

    if str(sys.exc_info()[1]) == "can't start new thread":  # there is no room for its stack
        return known(MemoryError())
    outside = SCRATCH.outside()  # it is to be read when the call has ended
    handle, path = tempfile.mkstemp(prefix="inputgrad-", suffix=".log", dir=outside)
    with os.fdopen(handle, "w") as file:
        traceback.print_exc(file=file)
    kind = sys.exc_info()[0]
    name = kind.__name__ if kind else "error"
    what = f"a bug of inputgrad ({name}); the traceback is in {path}"
    return InputgradError(what, kind="bug")


def tell(error: InputgradError) -> None:
    """Write an error to stderr: one sentence, and a mark under the word that is wrong."""
    say(f"inputgrad: {printable(error.sentence())}")
    if isinstance(error, GrammarError) and error.text.isprintable() and error.marked:
        say(f"  {error.text}", keep=True)
        say("  " + " " * error.at + "^" * (error.end - error.at), keep=True)
