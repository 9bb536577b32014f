"""Adapts Click's completion to bash, which ends a word at a colon or an equals sign."""

from __future__ import annotations

import os

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)

BREAKS = "COMP_WORDBREAKS"
LINE = 'COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDBREAKS="$COMP_WORDBREAKS" '
ADDED = "            COMPREPLY+=($value)\n"
OPEN = (
    "            [[ $value == *[:=/] ]] && compopt -o nospace\n"  # because the word is not complete
)
# Characters that the shell would interpret; each gets a backslash.
SPECIAL = " '\"\\$`&|;<>()*?[]!#~{}"


class Bash(BashComplete):
    """Reads complete words from the line, and returns the part that bash replaces."""

    source_template = BashComplete.source_template.replace(
        "env COMP_WORDS=", f"env {LINE}COMP_WORDS="
    ).replace(ADDED, ADDED + OPEN)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the incomplete word at the cursor."""
        if "COMP_LINE" not in os.environ:  # a completion script of an earlier version
            return super().get_completion_args()
        line = os.fsencode(os.environ["COMP_LINE"])[: int(os.environ["COMP_POINT"])]
        text = os.fsdecode(line)
        words = split_arg_string(text)
        incomplete = words.pop() if words and not text[-1:].isspace() else ""
        ends = [incomplete.rfind(sign) for sign in ":=" if sign in os.environ.get(BREAKS, "")]
        self._cut = max(ends, default=-1) + 1
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return the text with which bash replaces the last part of the word."""
        if item.type != "plain":
            return super().format_completion(item)
        rest = item.value[getattr(self, "_cut", 0) :]
        # Two backslashes, because `read` in the script removes one.
        quoted = "".join(f"\\\\{sign}" if sign in SPECIAL else sign for sign in rest)
        return f"{item.type},{quoted}"


def install() -> None:
    """Use this class for completion in bash."""
    add_completion_class(Bash, "bash")
