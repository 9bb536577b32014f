"""Each group of options has a heading in `--help` and reaches its command as one frozen value."""

import dataclasses
import importlib
import inspect
import re
import typing

import click
import pytest
from click.testing import CliRunner

from inputgrad_cli.cli.options.group_base_classes import GroupedCommand, OptionGroup, declare_option
from inputgrad_cli.option_choices import COMMANDS

HEADINGS = {
    "saliency": [
        *("What to explain", "Inputs", "Pictures", "Output", "Run", "Many machines"),
        *("For scripts", "Help"),
    ],
    "optimize": [
        *("What to reach", "What may move", "Inputs", "Pictures", "Gates", "Output", "Run"),
        *("Many machines", "For scripts", "Help"),
    ],
    "inspect": ["What to show", "Run", "For scripts", "Help"],
    "report": ["Report", "For scripts", "Help"],
    "render": ["Pictures", "For scripts", "Help"],
    **{name: ["For scripts", "Help"] for name in ("methods", "verify", "merge", "doctor")},
}
FIRST = ["-m, --method", "-i, --input", "--picture", "-o, --out", "--batch-size"]
FIRST += ["--engine", "--json", "-h"]


def get_command(name):
    module = importlib.import_module(f"inputgrad_cli.cli.commands.{name}")
    return getattr(module, f"run_{name}")


def parse_defaults(name):
    """Return what Click reads if no option is given."""
    command = get_command(name)
    words = {"methods": [], "doctor": [], "merge": ["a"]}.get(name, ["a"])
    return command.make_context(name, words).params


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_the_headings_in_order(call, name):
    text = call(name, "--help").out
    assert re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE) == HEADINGS[name]


def test_the_common_options_come_first(call):
    _, *sections = re.split(r"^\w[\w ]+:$", call("saliency", "--help").out, flags=re.MULTILINE)
    firsts = [text.strip() for text in sections]
    assert all(text.startswith(flag) for text, flag in zip(firsts, FIRST, strict=True))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_callback_takes_the_groups_and_arguments_and_nothing_else(name):
    command = get_command(name)
    assert isinstance(command, GroupedCommand)
    arguments = {param.name for param in command.params if isinstance(param, click.Argument)}
    parameters = inspect.signature(inspect.unwrap(command.callback)).parameters
    assert set(parameters) - {"ctx"} == arguments | set(command.groups)
    for keyword, group in command.groups.items():
        assert parameters[keyword].annotation == group.__name__


def accepts(hint, value):
    """Return whether a value is one of the type that a field declares."""
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple)
    if typing.get_args(hint):
        return any(accepts(part, value) for part in typing.get_args(hint))
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_default_is_of_the_type_that_its_field_declares(name):
    params = parse_defaults(name)
    for group in get_command(name).groups.values():
        values = group.from_params(params)
        hints = typing.get_type_hints(group)
        for field in dataclasses.fields(group):
            assert accepts(hints[field.name], getattr(values, field.name)), field.name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(values, dataclasses.fields(group)[0].name, None)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_in_two_groups_or_in_none(name):
    command = get_command(name)
    names = [field.name for group in command.groups.values() for field in dataclasses.fields(group)]
    options = [param.name for param in command.params if isinstance(param, click.Option)]
    assert sorted(names) == sorted(options)


@dataclasses.dataclass(frozen=True)
class PaperOptions(OptionGroup):
    """A group as it could be added: one field for each option."""

    heading = "Paper"

    size: int = declare_option("-s", "--size", default=4, help="The format.")
    both_sides: bool = declare_option("--both-sides", is_flag=True, help="Use both sides.")


@click.command("print", cls=GroupedCommand, groups={"paper": PaperOptions})
@click.argument("name")
def print_paper(name, paper):
    click.echo(f"{name}: {paper}")


def test_a_new_option_is_one_field(monkeypatch):
    monkeypatch.setenv("X_BOTH_SIDES", "1")
    result = CliRunner().invoke(print_paper, ["a", "-s", "3"], auto_envvar_prefix="X")
    assert result.output == "a: PaperOptions(size=3, both_sides=True)\n"
    assert "Paper:\n  -s, --size INTEGER" in CliRunner().invoke(print_paper, ["--help"]).output
