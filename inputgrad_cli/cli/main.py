"""The command `inputgrad`: runs a subcommand and turns every error into a message and a code."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from inputgrad_cli.cli.error_exit_codes import report_exception
from inputgrad_cli.cli.lazy_group import LazyGroup, PipeClosed
from inputgrad_cli.cli.terminal_output import write_stderr
from inputgrad_cli.option_choices import COMMANDS
from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.supervision.worker_state_reporting import Worker

# A shell shows 128 + the signal as the exit code of a process that a signal ended.
PIPE_CLOSED = 141
INTERRUPTED = 130
UNSUPERVISED = {"methods"}  # commands that read no files of the user and so need no parent process
STREAMING = {"saliency", "optimize"}  # commands that report on their own stream what ended them
COMPLETION_VARIABLE = "_INPUTGRAD_COMPLETE"
SIGNALS_BY_EXIT_CODE = {PIPE_CLOSED: signal.SIGPIPE, INTERRUPTED: signal.SIGINT}


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "INPUTGRAD"},
)
@click.version_option(__version__, prog_name="inputgrad")
def cli() -> None:
    """Show what a saved Keras model looks at.

    \b
    inputgrad saliency model.keras image.png

    loads the model, differentiates the score of its top class with respect to the picture, and
    writes the gradient as an array and the heatmap as a picture.

    \b
    To switch on tab completion in bash, zsh (zsh_source) or fish:
      eval "$(_INPUTGRAD_COMPLETE=bash_source inputgrad)"
      _INPUTGRAD_COMPLETE=fish_source inputgrad | source
    """


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _fill_descriptors()
    if COMPLETION_VARIABLE in os.environ:
        from inputgrad_cli.cli import bash_completion_word_breaks

        bash_completion_word_breaks.install()
    if _is_work(sys.argv[1:]):
        _begin_work(sys.argv[1:])
    try:
        code = run(sys.argv[1:])
    except SystemExit:
        if not _is_restarting():
            raise
        # The parent starts that process when this one ends, and gives the caller its exit code.
        leave(0)
    if code in SIGNALS_BY_EXIT_CODE:
        from inputgrad_cli.supervision.immediate_process_exit import end_by_signal

        end_by_signal(SIGNALS_BY_EXIT_CODE[code])
    leave(code)


def _is_restarting() -> bool:
    """Return whether another process, with other kernels, will continue the work of this one."""
    worker = _find_worker()
    return bool(worker and worker.page and worker.page.restart_requested)


def _find_worker() -> Worker | None:
    """Return the worker, or None if its module is not loaded, as in --help and completion."""
    if "inputgrad_cli.supervision.worker_state_reporting" not in sys.modules:
        return None
    from inputgrad_cli.supervision.worker_state_reporting import WORKER

    return WORKER


def _is_work(argv: list[str]) -> bool:
    """Return whether a call may write temporary files; help and completion do not."""
    asks_help = {"-h", "--help", "--version"} & set(argv)
    completes = COMPLETION_VARIABLE in os.environ
    return bool(set(COMMANDS) & set(argv)) and not asks_help and not completes


def _find_command(argv: list[str]) -> str:
    """Return the name of the command that is called."""
    return next((word for word in argv if not word.startswith("-")), "")


def _begin_work(argv: list[str]) -> None:
    """Create a temporary directory that is always removed, and a parent process that supervises.

    Where the process forks, this function returns in the child, the worker.
    """
    from inputgrad_cli.supervision.parent_process import supervise
    from inputgrad_cli.supervision.temporary_folder import TEMPORARY_FOLDER

    TEMPORARY_FOLDER.open()
    if _find_command(argv) not in UNSUPERVISED:
        supervise()
    from inputgrad_cli.cli.signals import end_on_signals

    end_on_signals()


def _fill_descriptors() -> None:
    """Open those of stdin, stdout and stderr that the caller closed.

    Otherwise the next file opened would get that descriptor, and output would be printed into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor: this one


def leave(code: int) -> NoReturn:
    """End the process without the shutdown of TensorFlow, which takes longer than most runs.

    All output is on disk or flushed at this point.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if "inputgrad_cli.supervision.immediate_process_exit" in sys.modules:  # not loaded by --help
        from inputgrad_cli.supervision.immediate_process_exit import exit_with

        exit_with(code)
    os._exit(code)


def run(argv: list[str]) -> int:
    """Return the exit code of a call; no error is shown as a traceback."""
    try:
        return _call(argv)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _print_click_error(error)
        _print_source(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        write_stderr("inputgrad: stopped.")
        return INTERRUPTED
    except (PipeClosed, BrokenPipeError):
        _drop_stdout()
        return PIPE_CLOSED
    except Exception as error:
        if isinstance(error, OSError):
            _drop_stdout()  # which may be what failed, and would fail again
        return report_exception(error)


def _call(argv: list[str]) -> int:
    worker = _find_worker()
    if worker and _find_command(argv) not in STREAMING:
        worker.raise_failure()
    # The words of the call travel as `obj`, because run.json records them.
    result: Any = cli.main(argv, prog_name="inputgrad", standalone_mode=False, obj=tuple(argv))
    if sys.stdout is not None:
        sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _print_click_error(error: click.ClickException) -> None:
    """Write Click's message to stderr."""
    message = io.StringIO()
    error.show(message)
    write_stderr(message.getvalue().rstrip("\n"))


def _print_source(error: click.ClickException) -> None:
    """Print where a bad value came from, if not from the command line."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    name = error.param.name or ""
    source = error.ctx.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        variable = f"{error.ctx.auto_envvar_prefix}_{name.upper()}"
        write_stderr(f"The value came from the environment variable {variable}.")
    if source is ParameterSource.DEFAULT_MAP:
        write_stderr(f"The value came from --config {error.ctx.params.get('config')}.")


def _drop_stdout() -> None:
    """Redirect stdout to /dev/null, so that Python can flush and close it without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
