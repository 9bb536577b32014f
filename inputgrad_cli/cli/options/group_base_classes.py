"""Groups of options. A group has a heading in `--help` and gives the command one frozen value.

A group is a frozen dataclass. Each field is declared with its option, so a new option is one field.
The name of the field is also that of the environment variable, of the key in a `--config` file and
of the entry in `run.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import click


def declare_option(*flags: str, **settings: Any) -> Any:
    """Return a dataclass field that is read from an option; the settings are those of Click."""
    return field(metadata={"flags": flags, "settings": settings})


@dataclass(frozen=True)
class OptionGroup:
    """The values of the options below one heading, in the order in which `--help` lists them."""

    heading: ClassVar[str]

    @classmethod
    def build_options(cls) -> list[click.Option]:
        """Return the options that the fields declare."""
        return [
            # With the name given, Click does not derive another from the flags.
            click.Option([*f.metadata["flags"], f.name], **f.metadata["settings"])
            for f in fields(cls)
        ]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Return the values that Click has read."""
        return cls(**{f.name: params[f.name] for f in fields(cls)})


class GroupedCommand(click.Command):
    """A command that gets its arguments by name, and each group of options as one value.

    `groups` names the parameter of the callback that gets the values of a group.
    """

    def __init__(
        self,
        name: str,
        *,
        params: list[click.Parameter],
        groups: Mapping[str, type[OptionGroup]],
        **settings: Any,
    ) -> None:
        self.groups = groups
        self._sections = {group.heading: group.build_options() for group in groups.values()}
        options = [option for section in self._sections.values() for option in section]
        super().__init__(name, params=[*params, *options], **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the callback."""
        arguments = {
            str(param.name): ctx.params[str(param.name)]
            for param in self.params
            if isinstance(param, click.Argument)
        }
        values = {keyword: group.from_params(ctx.params) for keyword, group in self.groups.items()}
        # For mypy only: a command that a decorator has made has its function.
        assert self.callback is not None
        return ctx.invoke(self.callback, **arguments, **values)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group."""
        # Click adds --help itself, so it is in no group.
        help_option = self.get_help_option(ctx)
        sections = {**self._sections, "Help": [help_option] if help_option else []}
        for heading, options in sections.items():
            records = [record for option in options if (record := option.get_help_record(ctx))]
            with formatter.section(heading):
                formatter.write_dl(records)
