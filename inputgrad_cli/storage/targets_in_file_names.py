"""Encodes targets as words in file names."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from inputgrad_cli.data.unresolved_target import ClassReference, Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.option_choices import LAYER

MAX_TARGET_BYTES = 80  # of a target in a file name, which has 255 bytes at most
HASH_DIGITS = 6  # of the hash: sixteen million names
SEPARATOR = "\0"  # stands for the separators of the target grammar until the word is complete


def encode_targets(targets: Sequence[Target]) -> list[str]:
    """Return the targets as they are written in file names, unique even if case is ignored.

    Raises UsageError if two targets request the same map.
    """
    seen: dict[Target, Target] = {}
    for target in targets:
        if (first := seen.setdefault(target.canonical, target)) is not target:
            raise UsageError(
                f"-t {first.text} and -t {target.text} would write the same files",
                reason="both ask for one map",
                hint="leave one of them out",
            )
    words = [encode_target(target) for target in targets]
    counts = Counter(word.casefold() for word in words)
    return [
        encode_target(target, with_hash=True) if counts[word.casefold()] > 1 else word
        for target, word in zip(targets, words, strict=True)
    ]


def encode_target(target: Target, with_hash: bool = False) -> str:
    """Return the target as it is written in a file name: letters, digits, `+`, `-` and `_`.

    `class:3` and `3` give `class3`, `margin:1,2` gives `margin1-2`, `probs/top1` `probs-top1`. A
    hash of the text follows if characters of a name were replaced, or if `with_hash` is true.
    """
    text = SEPARATOR.join([*_list_output_words(target), _encode_expression(target)])
    replaced = bool(re.search(rf"[^\w+\- {SEPARATOR}]", text))
    # Characters at the end are dropped, because the word would end in a hyphen.
    word = re.sub(r"[^\w+\-]+", "-", re.sub(r"[^\w+\-]+\Z", "", text))
    if len(os.fsencode(word)) > MAX_TARGET_BYTES:
        word, replaced = os.fsencode(word)[:MAX_TARGET_BYTES].decode("utf-8", "ignore"), True
    return f"{word}-{_hash(target.text)}" if replaced or with_hash else word


def _list_output_words(target: Target) -> list[str]:
    if target.layer is not None:
        return ["layer", target.layer.removeprefix(LAYER)]
    return [target.head] if target.head else []


def _encode_expression(target: Target) -> str:
    if target.kind == "top":
        return f"top{target.ranks[0] + 1}"
    if target.kind == "unit":
        return "unit" + SEPARATOR.join(map(str, target.index))
    if target.kind == "reduce":
        return target.name
    if target.kind == "mask":
        path = SEPARATOR.join(["mask", PurePath(target.path).stem])
        return path + "".join(f"{SEPARATOR}class{_encode_class(word)}" for word in target.classes)
    if target.kind in ("loss", "file"):
        return SEPARATOR.join([target.kind, target.name or target.path])
    first, *others = [_encode_class(word) for word in target.classes] or [""]
    return SEPARATOR.join([target.kind + first, *(word.removeprefix(SEPARATOR) for word in others)])


def _encode_class(word: ClassReference) -> str:
    """Return a class as it follows another word: an index directly, a name after a separator."""
    return SEPARATOR + word.names[0] if word.index is None else str(word.index)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
