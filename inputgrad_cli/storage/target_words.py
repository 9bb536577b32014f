"""The target in a file's name."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.target_text import ClassWord, Target
from inputgrad_cli.errors import UsageError

MAX_BYTES = 80  # of a target in a name; file systems take 255 for the whole
DIGITS = 6  # of the hash: sixteen million names
BETWEEN = "\0"  # stands for the grammar's own separators until the word is put together


def target_words(targets: Sequence[Target]) -> list[str]:
    """Return the targets of a call as they stand in file names: no two alike, whatever the case.

    Raises UsageError where two ask for one map.
    """
    seen: dict[Target, Target] = {}
    for target in targets:
        if (twin := seen.setdefault(target.meaning, target)) is not target:
            raise UsageError(
                f"-t {twin.asked} and -t {target.asked} would write the same files",
                reason="both ask for one map",
                mend="leave one of them out",
            )
    words = [target_word(target) for target in targets]
    counts = Counter(word.casefold() for word in words)
    return [
        target_word(target, digits=True) if counts[word.casefold()] > 1 else word
        for target, word in zip(targets, words, strict=True)
    ]


def target_word(target: Target, digits: bool = False) -> str:
    """Return the target as it stands in a file name: letters, digits, `+`, `-` and `_`.

    `class:3` and `3` give `class3`, `margin:1,2` gives `margin1-2`, `probs/top1` `probs-top1`. A
    hash of the text follows where characters of a name were replaced, or where `digits` says so.
    """
    whole = BETWEEN.join([*_head(target), _expression(target)])
    replaced = bool(re.search(rf"[^\w+\- {BETWEEN}]", whole))
    word = re.sub(r"[^\w+\-]+", "-", re.sub(r"[^\w+\-]+\Z", "", whole))
    if len(os.fsencode(word)) > MAX_BYTES:
        word, replaced = os.fsencode(word)[:MAX_BYTES].decode("utf-8", "ignore"), True
    return f"{word}-{_hash(target.asked)}" if replaced or digits else word


def _head(target: Target) -> list[str]:
    if target.layer is not None:
        return ["layer", target.layer.removeprefix(LAYER)]
    return [target.head] if target.head else []


def _expression(target: Target) -> str:
    if target.kind == "top":
        return f"top{target.ranks[0] + 1}"
    if target.kind == "unit":
        return "unit" + BETWEEN.join(map(str, target.index))
    if target.kind == "reduce":
        return target.name
    if target.kind == "mask":
        path = BETWEEN.join(["mask", PurePath(target.path).stem])
        return path + "".join(f"{BETWEEN}class{_class(word)}" for word in target.classes)
    if target.kind in ("loss", "file"):
        return BETWEEN.join([target.kind, target.name or target.path])
    first, *others = [_class(word) for word in target.classes] or [""]
    return BETWEEN.join([target.kind + first, *(word.removeprefix(BETWEEN) for word in others)])


def _class(word: ClassWord) -> str:
    """Return a class as it follows the word before it: a number at once, a name after a stroke."""
    return BETWEEN + word.names[0] if word.number is None else str(word.number)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
