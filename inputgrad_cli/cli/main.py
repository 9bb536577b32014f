"""The command `inputgrad`: finds the subcommand, and turns every error into words and a code."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
from typing import Any, NoReturn

import click
from click.core import ParameterSource
from click.exceptions import NoSuchCommand

from inputgrad_cli.choices import COMMANDS
from inputgrad_cli.cli.exit_codes import bug, exit_code, known, tell
from inputgrad_cli.cli.terminal import say
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.version import __version__

PIPE_CLOSED = 141
INTERRUPTED = 130
UNWATCHED = {"methods"}  # commands that read no file of a user's
STREAMING = {"saliency"}  # commands that tell on their stream what ended them
COMPLETING = "_INPUTGRAD_COMPLETE"
ENDED_BY = {PIPE_CLOSED: signal.SIGPIPE, INTERRUPTED: signal.SIGINT}


class Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name."""
        if cmd_name not in COMMANDS:
            if cmd_name.startswith("-"):
                return None
            raise NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        module = importlib.import_module(f"inputgrad_cli.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Click would turn a closed pipe into exit code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosed from None


class PipeClosed(Exception):  # noqa: N818 - an event, not an error
    """Nobody reads what we print."""


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "INPUTGRAD"},
)
@click.version_option(__version__, prog_name="inputgrad")
def cli() -> None:
    """Show what a saved Keras model looks at.

    \b
    inputgrad saliency model.keras image.png

    loads the model, differentiates its top class with respect to the picture, and writes the
    gradient as an array and the heatmap as a picture.

    \b
    The tab key completes words after, in bash, zsh (zsh_source) or fish:
      eval "$(_INPUTGRAD_COMPLETE=bash_source inputgrad)"
      _INPUTGRAD_COMPLETE=fish_source inputgrad | source
    """


def main() -> None:
    """Run the command line and end the process with the contract's exit code."""
    _fill_descriptors()
    if COMPLETING in os.environ:
        from inputgrad_cli.cli import bash

        bash.install()
    if _is_work(sys.argv[1:]):
        _begin_work(sys.argv[1:])
    try:
        code = run(sys.argv[1:])
    except SystemExit:
        if not _goes_on():
            raise
        leave(0)
    if code in ENDED_BY:
        from inputgrad_cli.supervision.process_end import end_by

        end_by(ENDED_BY[code])
    leave(code)


def _goes_on() -> bool:
    """Return whether this process ends for another, with other kernels, to go on."""
    worker = sys.modules.get("inputgrad_cli.supervision.worker")
    return bool(worker and worker.WORKER.page and worker.WORKER.page.restart_requested)


def _is_work(argv: list[str]) -> bool:
    """Return whether a call may write temporary files; help and completion cannot wait."""
    helping = {"-h", "--help", "--version"} & set(argv)
    return bool(set(COMMANDS) & set(argv)) and not helping and COMPLETING not in os.environ


def _command(argv: list[str]) -> str:
    """Return the name of the command that is called."""
    return next((word for word in argv if not word.startswith("-")), "")


def _begin_work(argv: list[str]) -> None:
    """Give this call a temporary directory, gone at every end of it, and a process that watches.

    Where that forks, this returns in the worker.
    """
    from inputgrad_cli.supervision.parent import supervise
    from inputgrad_cli.supervision.temporary_folder import SCRATCH

    SCRATCH.open()
    if _command(argv) not in UNWATCHED:
        supervise()
    from inputgrad_cli.cli.signals import end_on_signals

    end_on_signals()


def _fill_descriptors() -> None:
    """Open what the caller closed of stdin, stdout and stderr.

    Else the next file of ours would get its number, and whatever is printed would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def leave(code: int) -> NoReturn:
    """End the process without taking TensorFlow apart, which costs more than most jobs.

    Everything of ours is on disk or flushed by now.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if ends := sys.modules.get("inputgrad_cli.supervision.process_end"):
        ends.end_with(code)
    os._exit(code)


def run(argv: list[str]) -> int:
    """Return the exit code of a call; nothing that goes wrong is shown as a traceback."""
    try:
        return _call(argv)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _show(error)
        _blame(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("inputgrad: stopped.")
        return INTERRUPTED
    except (InputgradError, MemoryError) as error:
        ours = known(error)
        tell(ours)
        return exit_code(ours)
    except (PipeClosed, BrokenPipeError):
        _drop_stdout()
        return PIPE_CLOSED
    except OSError as error:
        return _disk(error)
    except Exception:
        ours = bug()
        tell(ours)
        return exit_code(ours)


def _call(argv: list[str]) -> int:
    worker = sys.modules.get("inputgrad_cli.supervision.worker")
    if worker and _command(argv) not in STREAMING:
        worker.WORKER.raise_failure()
    result: Any = cli.main(argv, prog_name="inputgrad", standalone_mode=False, obj=tuple(argv))
    if sys.stdout is not None:
        sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _show(error: click.ClickException) -> None:
    """Write Click's own words to stderr."""
    words = io.StringIO()
    error.show(words)
    say(words.getvalue().rstrip("\n"))


def _blame(error: click.ClickException) -> None:
    """Say where a bad value came from, if it was not the command line."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return
    name = error.param.name or ""
    source = error.ctx.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        variable = f"{error.ctx.auto_envvar_prefix}_{name.upper()}"
        say(f"The value came from the environment variable {variable}.")
    if source is ParameterSource.DEFAULT_MAP:
        say(f"The value came from --config {error.ctx.params.get('config')}.")


def _drop_stdout() -> None:
    """Let the interpreter close a pipe that nobody reads without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _disk(error: OSError) -> int:
    say(f"inputgrad: {error.filename or 'output'}: {error.strerror}.")
    _drop_stdout()
    return 74
