"""Maps errors to exit codes and prints them on stderr."""

from __future__ import annotations

import os
import sys

from inputgrad_cli.cli.terminal_output import write_stderr
from inputgrad_cli.errors import (
    BusyError,
    EmptyError,
    EngineLostError,
    GrammarError,
    InputgradError,
    ItemError,
    ModelError,
    StorageError,
    UsageError,
)
from inputgrad_cli.machine.memory_size_option import MEMORY_HINT
from inputgrad_cli.option_choices import to_printable

# Codes from 64 on are those of sysexits.h: EX_SOFTWARE, EX_IOERR and EX_TEMPFAIL.
BUG_CODE = 70
EXIT_CODES: tuple[tuple[type[InputgradError], int], ...] = (
    # The codes below 64 are those of `cli/README.md`.
    (UsageError, 2),
    (ItemError, 3),
    (ModelError, 4),
    (EmptyError, 5),
    (StorageError, 74),
    (BusyError, 75),
    (EngineLostError, 75),
)


def get_exit_code(error: InputgradError) -> int:
    """Return the exit code of an error; BUG_CODE if its class has no code of its own."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), BUG_CODE)


def as_inputgrad_error(error: Exception) -> InputgradError:
    """Return the error to report for an exception that is being handled.

    An InputgradError is returned as it is. An OSError is that of a file, unless stdout itself has
    failed; therefore stdout is flushed first, which then raises the OSError again. The traceback of
    any other exception is saved, because it is a bug.
    """
    if isinstance(error, InputgradError):
        return error
    if isinstance(error, MemoryError):
        hint = f"use a smaller --batch-size, or {MEMORY_HINT}"
        return StorageError("not enough memory", hint=hint, kind="memory")
    if not isinstance(error, OSError):
        return save_bug_report()
    if sys.stdout is not None:
        sys.stdout.flush()
    path = to_printable(str(error.filename or "the output"))
    return StorageError(f"{path}: cannot be used", reason=str(error.strerror or error))


def save_bug_report() -> InputgradError:
    """Save the traceback of the current exception in a file, and return an error that names it.

    A thread that cannot be started is reported as a lack of memory, for which Python has no class.
    """
    import tempfile
    import traceback

    from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER

    if str(sys.exc_info()[1]) == "can't start new thread":  # no memory for its stack
        return as_inputgrad_error(MemoryError())
    # The user reads the file after this call has ended, and its own temporary folder is gone.
    folder = TEMPORARY_FOLDER.get_outer_folder()
    handle, path = tempfile.mkstemp(prefix="inputgrad-", suffix=".log", dir=folder)
    with os.fdopen(handle, "w") as file:
        traceback.print_exc(file=file)
    kind = sys.exc_info()[0]
    name = kind.__name__ if kind else "error"
    message = f"a bug of inputgrad ({name}); the traceback is in {path}"
    return InputgradError(message, kind="bug")


def print_error(error: InputgradError) -> None:
    """Write an error to stderr: one sentence and, for a grammar error, a mark below the word."""
    write_stderr(f"inputgrad: {to_printable(error.format_line())}")
    if isinstance(error, GrammarError) and error.text.isprintable() and error.marked:
        write_stderr(f"  {error.text}", verbatim=True)
        write_stderr("  " + " " * error.at + "^" * (error.end - error.at), verbatim=True)


def report_exception(error: Exception) -> int:
    """Write the error to report for an exception to stderr, and return its exit code."""
    failure = as_inputgrad_error(error)
    print_error(failure)
    return get_exit_code(failure)
