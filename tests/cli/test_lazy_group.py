"""The list of commands in `--help`, which is written without importing them."""

import click
import pytest

from inputgrad_cli.cli.main import cli
from inputgrad_cli.option_choices import COMMANDS


@pytest.mark.parametrize("width", [30, 45, 80, 120, 200])
def test_the_list_is_that_of_click_which_imports_all_commands(width):
    context = click.Context(cli)
    pages = []
    for format_commands in (cli.format_commands, super(type(cli), cli).format_commands):
        formatter = click.HelpFormatter(width=width)
        format_commands(context, formatter)
        pages.append(formatter.getvalue())
    assert pages[0] == pages[1]
    assert all(f"  {name} " in pages[0] for name in COMMANDS)


@pytest.mark.parametrize("incomplete", ["", "s", "ver", "-", "--v", "x"])
def test_what_is_offered_to_the_shell_is_that_of_click(incomplete):
    context = click.Context(cli)
    ours, theirs = (
        [vars(item) for item in complete(context, incomplete)]
        for complete in (cli.shell_complete, super(type(cli), cli).shell_complete)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_is_the_first_sentence_of_the_command(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.get_short_help_str(limit=1000) == COMMANDS[name]
