"""The command `inputgrad`: finds the subcommand, and turns every error into words and a code."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from typing import Any

import click

from inputgrad_cli import __version__
from inputgrad_cli.cli.exits import exit_code, tell
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.words import COMMANDS

BUG = 70
INTERRUPTED = 130


class Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"inputgrad_cli.cli.{cmd_name}")
        command: click.Command = module.command
        return command


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
    """


def main() -> None:
    """Run the command line and end the process with the contract's exit code."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Return the exit code of a call; nothing that goes wrong is shown as a traceback."""
    try:
        result: Any = cli.main(argv, prog_name="inputgrad", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except InputgradError as error:
        tell(error)
        return exit_code(error)
    except BrokenPipeError:
        _drop_stdout()
        return 141
    except OSError as error:
        return _disk(error)
    except Exception:
        return _bug()


def _drop_stdout() -> None:
    """Let the interpreter close a pipe that nobody reads without a word."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _disk(error: OSError) -> int:
    click.echo(f"inputgrad: {error.filename or 'output'}: {error.strerror}.", err=True)
    _drop_stdout()
    return 74


def _bug() -> int:
    handle, path = tempfile.mkstemp(prefix="inputgrad-", suffix=".log")
    with os.fdopen(handle, "w") as file:
        traceback.print_exc(file=file)
    kind = sys.exc_info()[0]
    name = kind.__name__ if kind else "error"
    click.echo(f"inputgrad: a bug of inputgrad ({name}); the traceback is in {path}.", err=True)
    return BUG
