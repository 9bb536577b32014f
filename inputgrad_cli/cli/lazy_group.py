"""The group of all commands; a command is imported only when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import NoSuchCommand

from inputgrad_cli.option_choices import COMMANDS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name."""
        if cmd_name not in COMMANDS:
            if cmd_name.startswith("-"):
                # Click then says that there is no such option.
                return None
            raise NoSuchCommand(cmd_name, possibilities=list(COMMANDS), ctx=ctx)
        module = importlib.import_module(f"inputgrad_cli.cli.commands.{cmd_name}")
        command: click.Command = getattr(module, f"run_{cmd_name}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their short helps, for which none of them is imported."""
        # As in Click: three gaps of two columns stay free, and longer texts end with three dots.
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _build_outline(name).get_short_help_str(limit)) for name in COMMANDS]
            )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin with `incomplete`, importing no command."""
        from click.shell_completion import CompletionItem  # not imported by --help

        names = [name for name in COMMANDS if name.startswith(incomplete)]
        items = [CompletionItem(n, help=_build_outline(n).get_short_help_str()) for n in names]
        # Past the group, which would import the commands for their helps.
        return [*items, *super(click.Group, self).shell_complete(ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a closed pipe raises PipeClosed, because Click would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosed from None


def _build_outline(name: str) -> click.Command:
    """Return a command that has a name and a short help, and does nothing."""
    return click.Command(name, help=COMMANDS[name])


class PipeClosed(Exception):  # noqa: N818 - an event, not an error
    """The reader of stdout has closed the pipe."""
