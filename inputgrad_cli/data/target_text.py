"""A target's text, read once: `[HEAD/]EXPR`; from here on it is a value.

A name that would be taken for something else stands in quotes, as in the grammar of methods:
`class:"3"` is the class called 3, `margin:"a,b",c` has two classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from inputgrad_cli.choices import LAYER, TARGETS
from inputgrad_cli.errors import GrammarError, UsageError
from inputgrad_cli.grammar import Word, quote, unquote
from inputgrad_cli.suggest import did_you_mean, suggest

Kind = Literal["auto", "top", "class", "unit", "all", "margin", "reduce", "loss", "mask", "file"]

RECONSTRUCTION = "reconstruction"
REDUCTIONS = ("sum", "mean", "max", "norm")
HELP = (
    "auto, top1, top:K, 3, class:NAME, unit:I,J, all, margin:A,B, sum, mean, max, norm, "
    "mask:PATH, loss:NAME, file:PATH, layer:NAME/unit:I"
)
MAX_TOP = 10_000  # maps of one target; more are a slip of the finger
# Words that people use for those of the grammar.
OTHER_WORDS = {
    "cls": ("class:",), "label": ("class:",), "category": ("class:",), "index": ("class:", "unit:"),
    "idx": ("class:", "unit:"), "logit": ("class:",), "neuron": ("unit:",), "output": ("unit:",),
    "argmax": ("top1",), "best": ("top1",), "predicted": ("top1",), "prediction": ("top1",),
    "top": ("top:", "top1"), "topk": ("top:",), "k": ("top:",), "jacobian": ("all",),
    "average": ("mean",), "total": ("sum",), "l2": ("norm",), "difference": ("margin:",),
    "segmentation": ("mask:",), "criterion": ("loss:",),
}  # fmt: skip
NUMBER = re.compile(r"[0-9]{1,9}")  # within int32; \d would take digits of every script
INTEGER = re.compile(r"-?[0-9]{1,9}")
QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""


@dataclass(frozen=True)
class ClassWord:
    """A class as written: its number, or the names that the text can mean, likeliest first."""

    text: str
    number: int | None = None
    names: tuple[str, ...] = ()

    def find(self, labels: Sequence[str]) -> int | None:
        """Return the class among the class names; None where no class is called so.

        Raises UsageError where several are.
        """
        if self.number is not None:
            return self.number
        name = next((name for name in self.names if name in labels), None)
        if name is None:
            return None
        same = [number for number, label in enumerate(labels) if label == name]
        if len(same) > 1:
            raise UsageError(
                f"{len(same)} classes are called {name!r}",
                mend=f"write the number: {', '.join(f'class:{n}' for n in same[:5])}",
            )
        return same[0]

    def fact(self, labels: Sequence[str]) -> int | str:
        """Return what decides which class is meant: its number where it is known, else its name."""
        try:
            number = self.find(labels)
        except UsageError:
            number = None
        return self.names[0] if number is None else number


@dataclass(frozen=True)
class Target:
    """A target as asked.

    `head` is the output's name, or `layer:NAME`; `classes` are those of `class`, `margin` and
    `mask`, `ranks` those of `top` (0 is the top class), `index` that of `unit`; `name` is that of
    a reduction or a loss, `path` that of a mask or a table of targets. `readings` are what else
    the text means for a model with an output of that name.
    """

    asked: str
    kind: Kind
    head: str | None = None
    classes: tuple[ClassWord, ...] = ()
    ranks: tuple[int, ...] = ()
    index: tuple[int, ...] = ()
    name: str = ""
    path: str = ""
    readings: tuple[Target, ...] = field(default=(), compare=False, repr=False)

    @property
    def layer(self) -> str | None:
        """Return `layer:NAME` where the target is about what a layer gives."""
        return self.head if self.head is not None and self.head.startswith(LAYER) else None

    @property
    def is_jacobian(self) -> bool:
        """Return whether the target is every class."""
        return self.kind == "all"

    @property
    def is_one_map(self) -> bool:
        """Return whether the target is one number a sample, and written here."""
        return self.kind not in ("all", "file") and len(self.ranks) <= 1

    @property
    def needs_truth(self) -> bool:
        """Return whether true values must be given."""
        return self.kind == "loss" and self.name != RECONSTRUCTION

    @property
    def meaning(self) -> Target:
        """Return the target without the way it was written: equal where two ask for one map."""
        classes = tuple(ClassWord("", word.number, word.names[:1]) for word in self.classes)
        return replace(self, asked="", classes=classes)

    def is_written(self, text: str) -> bool:
        """Return whether `text` asks for the same, in these words or others."""
        try:
            return text == self.asked or parse(text).meaning == self.meaning
        except GrammarError:
            return False

    def maps(self) -> tuple[Target, ...]:
        """Return a target for each map: K of them for `top:K`, else this one."""
        if self.kind != "top":
            return (self,)
        prefix = f"{self.head}/" if self.head else ""
        return tuple(replace(self, asked=f"{prefix}top{r + 1}", ranks=(r,)) for r in self.ranks)

    def among(self, outputs: Sequence[str]) -> Target:
        """Return the target for a model with these outputs; with none known, as it stands."""
        every = (self, *self.readings)
        if named := [target for target in every if target.head in outputs]:
            return max(named, key=lambda target: len(target.head or ""))
        plain = [target for target in every if target.head is None or target.layer]
        if plain or not outputs:
            return plain[0] if plain else self
        raise UsageError(
            f"target {self.asked!r}: the model has no output {self.head!r}",
            mend=f"its outputs are: {', '.join(outputs)}",
        )


def parse(text: str, outputs: Sequence[str] = ()) -> Target:
    """Return the target that `text` writes, for a model with these outputs where they are known.

    Raises GrammarError, which points at the word that is wrong.
    """
    starts = [match.end() for match in re.finditer("/", text)]
    if text.startswith(LAYER):
        return _read_first(text, starts, "write what is asked of the layer: layer:NAME/unit:I")
    readings = [target for at in (0, *starts) if (target := _try(text, at)) is not None]
    if not readings:
        has_head = bool(starts) and not _is_word(text.partition(":")[0])
        return _read(text, starts[0] if has_head else 0)
    return replace(readings[0], readings=tuple(readings[1:])).among(outputs)


def _read_first(text: str, starts: Sequence[int], mend: str) -> Target:
    """Return the reading with the longest expression: the name before it has slashes of its own."""
    for at in starts:
        if (target := _try(text, at)) is not None:
            return target
    if not starts:
        raise GrammarError(f"target {text!r} is only a layer", text, 0, len(text), mend)
    return _read(text, starts[-1])


def _try(text: str, at: int) -> Target | None:
    try:
        return _read(text, at)
    except GrammarError:
        return None


def _is_word(word: str) -> bool:
    return word in READERS or word in ("auto", "all", *REDUCTIONS)


def _read(text: str, at: int) -> Target:
    """Return the target whose expression begins at `at`, with what stands before as its head."""
    head = text[: at - 1] if at else None
    expression = text[at:]
    if at and not head:
        raise GrammarError("the name of an output is missing", text, 0, 1)
    plain = Target(text, "auto", head)
    if expression in ("auto", "all"):
        return replace(plain, kind="auto" if expression == "auto" else "all")
    if expression in REDUCTIONS:
        return replace(plain, kind="reduce", name=expression)
    if NUMBER.fullmatch(expression):
        return replace(plain, kind="class", classes=(_class_word(expression),))
    if match := re.fullmatch(r"top(:?)([0-9]+)", expression):
        return replace(plain, kind="top", ranks=_ranks(text, at, match))
    word, colon, rest = expression.partition(":")
    if not (colon and rest and word in READERS):
        raise _unknown(text, at)
    return READERS[word](plain, Word(rest, at + len(word) + 1, len(text)))


def _ranks(text: str, at: int, match: re.Match[str]) -> tuple[int, ...]:
    total = int(match[2]) if len(match[2]) < 9 else MAX_TOP + 1
    if not 1 <= total <= MAX_TOP or (not match[1] and total != 1):
        what = f"target {text[at:]!r} is not known"
        mend = f"write top1 or top:K with K from 1 to {MAX_TOP}"
        raise GrammarError(what, text, at, len(text), mend)
    return tuple(range(total))


def _unknown(text: str, at: int) -> GrammarError:
    expression = text[at:]
    word, rest = re.split(r"[:= ]+|(?=[0-9])", f"{expression}:", maxsplit=1)
    rest = rest.removesuffix(":")
    words = [near for near in suggest(word, TARGETS, OTHER_WORDS) if _fits(near, rest)]
    guess = did_you_mean([near + rest if near.endswith(":") else near for near in words])
    is_name = bool(expression) and not re.search(r"[:/=]", expression)
    named = f"a class is named class:{expression}; " if is_name else ""
    mend = f"{named}targets are {HELP}, each with HEAD/ before it where there are several outputs"
    return GrammarError(
        f"target {expression!r} is not known", text, at, len(text), f"{guess} {mend}".strip()
    )


def _fits(word: str, rest: str) -> bool:
    """Return whether a word of the grammar takes what was written behind another word."""
    return bool(rest) if word.endswith(":") else not rest


def class_word(name: str) -> str:
    """Return a class's name as it must be written: in quotes where it would be read otherwise."""
    if NUMBER.fullmatch(name):
        return f'"{name}"'
    return name if unquote(name) is None else quote(name)


def _class_word(raw: str) -> ClassWord:
    """Return a class as written; a bare number is its number, a number in quotes its name."""
    if NUMBER.fullmatch(raw):
        return ClassWord(raw, int(raw))
    quoted = unquote(raw)
    names = (quoted, raw, raw.strip()) if quoted is not None else (raw, raw.strip())
    return ClassWord(raw, None, tuple(dict.fromkeys(names)))


def _class(plain: Target, rest: Word) -> Target:
    return replace(plain, kind="class", classes=(_class_word(rest.text),))


def _unit(plain: Target, rest: Word) -> Target:
    words = [word.strip() for word in rest.text.split(",")]
    if wrong := next((word for word in words if not INTEGER.fullmatch(word)), None):
        at = rest.at + rest.text.index(wrong)
        what = f"target {plain.asked!r}: unit takes whole numbers"
        raise GrammarError(what, plain.asked, at, at + len(wrong), "as in unit:3 or unit:0,5")
    if "" in words:
        what = f"target {plain.asked!r}: unit takes whole numbers"
        raise GrammarError(what, plain.asked, rest.at, rest.end, "as in unit:3 or unit:0,5")
    return replace(plain, kind="unit", index=tuple(int(word) for word in words))


def _margin(plain: Target, rest: Word) -> Target:
    words = _split(rest.text)
    if len(words) != 2 or not all(word.strip() for word in words):
        raise GrammarError(
            f"target {plain.asked!r}: margin takes two classes",
            plain.asked,
            rest.at,
            rest.end,
            'as in margin:1,2; a name with a comma is quoted: margin:"a,b",c',
        )
    # Around a comma spaces are only layout; those of a name stand within its quotes.
    return replace(plain, kind="margin", classes=tuple(_class_word(word.strip()) for word in words))


def _split(text: str) -> list[str]:
    """Return the parts between commas that stand outside of quotes."""
    part = re.compile(rf"\s*{QUOTED}\s*(?=,|\Z)|[^,]*", re.S)
    parts, at = [], 0
    while at <= len(text):
        match = part.match(text, at)
        end = match.end() if match else len(text)
        parts.append(text[at:end])
        at = end + 1
    return parts


def _loss(plain: Target, rest: Word) -> Target:
    return replace(plain, kind="loss", name=unquote(rest.text) or rest.text)


def _mask(plain: Target, rest: Word) -> Target:
    match = re.fullmatch(rf"({QUOTED}|.*?)(?:,class=(.*))?", rest.text, re.S)
    path, word = (match[1], match[2]) if match else (rest.text, None)
    if not path or word == "":
        missing = "a path" if not path else "a class"
        mend = "as in mask:mask.png or mask:mask.png,class=3"
        what = f"target {plain.asked!r}: {missing} is missing"
        raise GrammarError(what, plain.asked, rest.at, rest.end, mend)
    classes = (_class_word(word),) if word else ()
    return replace(plain, kind="mask", path=unquote(path) or path, classes=classes)


def _file(plain: Target, rest: Word) -> Target:
    if plain.head is not None:
        mend = "write the outputs in the rows of the table"
        what = f"target {plain.asked!r}: a table stands for itself"
        raise GrammarError(what, plain.asked, 0, rest.at, mend)
    return replace(plain, kind="file", path=unquote(rest.text) or rest.text)


READERS = {
    "class": _class,
    "unit": _unit,
    "margin": _margin,
    "loss": _loss,
    "mask": _mask,
    "file": _file,
}
