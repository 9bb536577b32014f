"""What a model needs beside Keras: from --code, or known as TensorFlow's own functions."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from inputgrad_cli.engine.opening.lambdas import namespace, refuse_nameless
from inputgrad_cli.engine.opening.user_code import (
    defined_in,
    import_modules,
    registered_names,
    wanted_from,
)
from inputgrad_cli.modelfile.allow_list import APPLIED, PRIVATE, SHARED
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.safety import borrowed, custom_objects, refuse_missing

KNOWN = {**PRIVATE, **SHARED, **APPLIED}


@dataclass(frozen=True)
class Own:
    """`objects` by the name that the file gives them; `names` that Lambdas may use; `remarks`."""

    objects: dict[str, Any]
    names: Mapping[str, Any]
    remarks: Mapping[str, str]


def bring(file: ModelFile, code: Sequence[str]) -> Own:
    """Return what the model needs, from --code and from TensorFlow; ModelError for what lacks."""
    modules = import_modules(code)
    functions = borrowed(file.config)
    wanted = [*custom_objects(file.config), *(item for _, item in functions)]
    objects = {**wanted_from(modules, wanted), **defined_in(modules)}
    refuse_missing(file, [*objects, *registered_names()], code)
    names = namespace(modules)
    refuse_nameless(file, names, code)
    taken = {item.name: layer for layer, item in functions if item.name not in objects}
    known = {name: _imported(KNOWN[name]) for name in taken}
    guessed = {name: layer for name, layer in taken.items() if name not in PRIVATE}
    remarks = {"name-assumed": _remark(guessed)} if guessed else {}
    return Own({**known, **objects}, names, remarks)


def _imported(home: str) -> Any:
    first, *rest = home.split(".")
    return reduce(getattr, rest, importlib.import_module(first))


def _remark(guessed: Mapping[str, str]) -> str:
    name, layer = next(iter(guessed.items()))
    more = f", and {len(guessed) - 1} more like it" if len(guessed) > 1 else ""
    home = KNOWN[name].replace("tensorflow.", "tf.")
    return (
        f"{name!r} in layer {layer!r}{more} is taken for {home}; if it is code of your own, give "
        "its file with --code FILE.py"
    )
