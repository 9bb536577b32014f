"""Parses the text of a target, `[HEAD/]EXPR`.

A name that would be read as something else is written in quotes, as in the grammar of methods:
`class:"3"` is the class called 3, `margin:"a,b",c` has two classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from inputgrad_cli.data.unresolved_target import ClassReference, Target
from inputgrad_cli.errors import GrammarError
from inputgrad_cli.expression_parser import Word, quote, unquote
from inputgrad_cli.option_choices import LAYER, TARGETS
from inputgrad_cli.spelling_suggestions import format_question, suggest

REDUCTIONS = ("sum", "mean", "max", "norm")
HELP = (
    "auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, mean, max, norm, "
    "mask:PATH, loss:NAME, file:PATH, layer:NAME/unit:I"
)
MAX_TOP = 10_000  # maps of one target; a larger number is a typing error
# Words that people write instead of those of the grammar.
SYNONYMS = {
    "cls": ("class:",), "label": ("class:",), "category": ("class:",), "index": ("class:", "unit:"),
    "idx": ("class:", "unit:"), "logit": ("class:",), "neuron": ("unit:",), "output": ("unit:",),
    "argmax": ("top1",), "best": ("top1",), "predicted": ("top1",), "prediction": ("top1",),
    "top": ("top:", "top1"), "topk": ("top:",), "k": ("top:",), "jacobian": ("all",),
    "average": ("mean",), "total": ("sum",), "l2": ("norm",), "difference": ("margin:",),
    "segmentation": ("mask:",), "criterion": ("loss:",),
}  # fmt: skip
NUMBER = re.compile(r"[0-9]{1,9}")  # fits int32; \d would match the digits of every script
INTEGER = re.compile(r"-?[0-9]{1,9}")
QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""


def parse_target(text: str, outputs: Sequence[str] = ()) -> Target:
    """Return the target that `text` means, for a model with these outputs if they are known.

    Raises GrammarError, which points at the wrong word.
    """
    starts = [match.end() for match in re.finditer("/", text)]
    if text.startswith(LAYER):
        return _read_longest(text, starts, "write what is asked of the layer: layer:NAME/unit:I")
    # A slash may end the name of an output, or belong to that name or to a path.
    readings = [target for at in (0, *starts) if (target := _try_read(text, at)) is not None]
    if not readings:
        has_head = bool(starts) and not _is_word(text.partition(":")[0])
        return _read(text, starts[0] if has_head else 0)
    return replace(readings[0], readings=tuple(readings[1:])).choose_reading(outputs)


@lru_cache
def parse_stored_target(text: str) -> Target:
    """Return the target that a record names; GrammarError if the text is no target.

    `top:3` makes three maps. Their records say `top1`, `top2` and `top3`, of which only the first
    is what a user would write.
    """
    match = re.fullmatch(r"((?:.*/)?top)(\d+)", text, re.S)
    try:
        return parse_target(text)
    except GrammarError:
        if match is None:
            raise
        # `top:3` stands for the ranks 1 to 3, and the record has the last of them.
        return parse_target(f"{match[1]}:{match[2]}").split_ranks()[-1]


def is_same_target(target: Target, text: str) -> bool:
    """Return whether `text` requests the same target, in the same words or others."""
    try:
        return text == target.text or parse_target(text).canonical == target.canonical
    except GrammarError:
        return False


def _read_longest(text: str, starts: Sequence[int], hint: str) -> Target:
    """Return the reading with the longest expression; the layer's name may contain slashes."""
    for at in starts:
        if (target := _try_read(text, at)) is not None:
            return target
    if not starts:
        raise GrammarError(f"target {text!r} is only a layer", text, 0, len(text), hint)
    return _read(text, starts[-1])


def _try_read(text: str, at: int) -> Target | None:
    try:
        return _read(text, at)
    except GrammarError:
        return None


def _is_word(word: str) -> bool:
    return word in READERS or word in ("auto", "all", *REDUCTIONS)


def _read(text: str, at: int) -> Target:
    """Return the target whose expression begins at `at`; the text before it names the output."""
    head = text[: at - 1] if at else None
    expression = text[at:]
    if at and not head:
        raise GrammarError("the name of an output is missing", text, 0, 1)
    target = Target(text, "auto", head)
    if expression in ("auto", "all"):
        return replace(target, kind="auto" if expression == "auto" else "all")
    if expression in REDUCTIONS:
        return replace(target, kind="reduce", name=expression)
    if NUMBER.fullmatch(expression):
        return replace(target, kind="class", classes=(_parse_class(expression),))
    if match := re.fullmatch(r"top(:?)([0-9]+)", expression):
        return replace(target, kind="top", ranks=_parse_ranks(text, at, match))
    word, colon, rest = expression.partition(":")
    if not (colon and rest and word in READERS):
        raise _build_unknown_error(text, at)
    return READERS[word](target, Word(rest, at + len(word) + 1, len(text)))


def _parse_ranks(text: str, at: int, match: re.Match[str]) -> tuple[int, ...]:
    """Return the ranks of `top1` or `top:K`; GrammarError if K is out of range."""
    # Python refuses to convert thousands of digits, and such numbers are too large anyway.
    total = int(match[2]) if len(match[2]) < 9 else MAX_TOP + 1
    if not 1 <= total <= MAX_TOP or (not match[1] and total != 1):
        message = f"target {text[at:]!r} is not known"
        hint = f"write top1 or top:K with K from 1 to {MAX_TOP}"
        raise GrammarError(message, text, at, len(text), hint)
    return tuple(range(total))


def _build_unknown_error(text: str, at: int) -> GrammarError:
    """Return the error for an unknown target, with the targets that may be meant."""
    expression = text[at:]
    # With the colon at the end, the text always splits into two parts.
    word, rest = re.split(r"[:= ]+|(?=[0-9])", f"{expression}:", maxsplit=1)
    rest = rest.removesuffix(":")
    names = [near for near in suggest(word, TARGETS, SYNONYMS) if _can_follow(near, rest)]
    guess = format_question([near + rest if near.endswith(":") else near for near in names])
    is_name = bool(expression) and not re.search(r"[:/=]", expression)
    class_hint = f"a class is named class:{expression}; " if is_name else ""
    hint = (
        f"{class_hint}targets are {HELP}, each with HEAD/ before it where there are several outputs"
    )
    return GrammarError(
        f"target {expression!r} is not known", text, at, len(text), f"{guess} {hint}".strip()
    )


def _can_follow(word: str, rest: str) -> bool:
    """Return whether a word of the grammar can take `rest`, written after another word."""
    return bool(rest) if word.endswith(":") else not rest


def format_class(name: str) -> str:
    """Return a class's name as it must be written, in quotes if it would be misread."""
    if NUMBER.fullmatch(name):
        return f'"{name}"'
    return name if unquote(name) is None else quote(name)


def _parse_class(text: str) -> ClassReference:
    """Return a class reference; a bare number is its index, a number in quotes its name."""
    if NUMBER.fullmatch(text):
        return ClassReference(text, int(text))
    quoted = unquote(text)
    # The quotes may also be part of the name itself.
    names = (quoted, text, text.strip()) if quoted is not None else (text, text.strip())
    return ClassReference(text, None, tuple(dict.fromkeys(names)))


def _read_class(target: Target, rest: Word) -> Target:
    return replace(target, kind="class", classes=(_parse_class(rest.text),))


def _read_unit(target: Target, rest: Word) -> Target:
    """Return the target `unit:I,J`; GrammarError unless it has whole numbers."""
    words = [word.strip() for word in rest.text.split(",")]
    if wrong := next((word for word in words if not INTEGER.fullmatch(word)), None):
        at = rest.at + rest.text.index(wrong)
        message = f"target {target.text!r}: unit takes whole numbers"
        raise GrammarError(message, target.text, at, at + len(wrong), "as in unit:3 or unit:0,5")
    if "" in words:
        message = f"target {target.text!r}: unit takes whole numbers"
        raise GrammarError(message, target.text, rest.at, rest.end, "as in unit:3 or unit:0,5")
    return replace(target, kind="unit", index=tuple(int(word) for word in words))


def _read_margin(target: Target, rest: Word) -> Target:
    """Return the target `margin:A,B`; GrammarError unless it has two classes."""
    words = _split_classes(rest.text)
    if len(words) != 2 or not all(word.strip() for word in words):
        raise GrammarError(
            f"target {target.text!r}: margin takes two classes",
            target.text,
            rest.at,
            rest.end,
            'as in margin:1,2; a name with a comma is quoted: margin:"a,b",c',
        )
    # Spaces around a comma are ignored; a name with outer spaces is written in quotes.
    return replace(
        target, kind="margin", classes=tuple(_parse_class(word.strip()) for word in words)
    )


def _split_classes(text: str) -> list[str]:
    """Return the parts between commas, except for commas in quotes."""
    part = re.compile(rf"\s*{QUOTED}\s*(?=,|\Z)|[^,]*", re.S)
    parts, at = [], 0
    while at <= len(text):
        match = part.match(text, at)
        end = match.end() if match else len(text)
        parts.append(text[at:end])
        at = end + 1
    return parts


def _read_loss(target: Target, rest: Word) -> Target:
    return replace(target, kind="loss", name=unquote(rest.text) or rest.text)


def _read_mask(target: Target, rest: Word) -> Target:
    """Return the target `mask:PATH` or `mask:PATH,class=K`."""
    match = re.fullmatch(rf"({QUOTED}|.*?)(?:,class=(.*))?", rest.text, re.S)
    path, word = (match[1], match[2]) if match else (rest.text, None)
    if not path or word == "":
        missing = "a path" if not path else "a class"
        hint = "as in mask:mask.png or mask:mask.png,class=3"
        message = f"target {target.text!r}: {missing} is missing"
        raise GrammarError(message, target.text, rest.at, rest.end, hint)
    classes = (_parse_class(word),) if word else ()
    return replace(target, kind="mask", path=unquote(path) or path, classes=classes)


def _read_file(target: Target, rest: Word) -> Target:
    """Return the target `file:PATH`, a table of targets."""
    if target.head is not None:
        hint = "write the outputs in the rows of the table"
        message = f"target {target.text!r}: a table takes no output before it"
        raise GrammarError(message, target.text, 0, rest.at, hint)
    return replace(target, kind="file", path=unquote(rest.text) or rest.text)


READERS = {
    "class": _read_class,
    "unit": _read_unit,
    "margin": _read_margin,
    "loss": _read_loss,
    "mask": _read_mask,
    "file": _read_file,
}
