"""Finds the functions and classes that a model needs in addition to Keras.

They come from the files given by --code, or are known functions of TensorFlow.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from inputgrad_cli.engine.adapter.type_aliases import CustomObjects
from inputgrad_cli.engine.opening.lambda_global_names import build_namespace, refuse_unknown_names
from inputgrad_cli.engine.opening.user_code import (
    find_wanted,
    import_modules,
    list_definitions,
    list_registered_names,
)
from inputgrad_cli.modelfile.allowed_config_names import (
    APPLICATION_LAYERS,
    BARE_MATH_FUNCTIONS,
    BARE_NN_FUNCTIONS,
)
from inputgrad_cli.modelfile.custom_code_checks import (
    find_bare_names,
    find_needed_objects,
    refuse_missing_objects,
)
from inputgrad_cli.modelfile.model_file import ModelFile

KNOWN_FUNCTIONS = {**BARE_NN_FUNCTIONS, **BARE_MATH_FUNCTIONS, **APPLICATION_LAYERS}


@dataclass(frozen=True)
class UserCode:
    """The code that a model needs.

    `objects` are classes and functions by their name in the model file, `names` are the global
    names of Lambdas, and `remarks` are notes for the user by code.
    """

    objects: CustomObjects
    names: Mapping[str, Any]
    remarks: Mapping[str, str]


def load_required_code(
    file: ModelFile, code: Sequence[str], live_objects: Mapping[str, Any]
) -> UserCode:
    """Return the code that the model needs; ModelError if some of it is missing.

    `live_objects` are those of a model that lives in this process, by name.
    """
    modules = import_modules(code)
    functions = find_bare_names(file.config)
    wanted = find_needed_objects(file)
    # What a module defines itself takes precedence over what it imports.
    objects = {**find_wanted(modules, wanted), **list_definitions(modules), **live_objects}
    refuse_missing_objects(file, [*objects, *list_registered_names()], code)
    names = build_namespace(modules)
    refuse_unknown_names(file, names, code)
    borrowed = {item.name: layer for layer, item in functions if item.name not in objects}
    known = {name: _import_object(KNOWN_FUNCTIONS[name]) for name in borrowed}
    assumed = {name: layer for name, layer in borrowed.items() if name not in BARE_NN_FUNCTIONS}
    remarks = {"name-assumed": _format_remark(assumed)} if assumed else {}
    return UserCode({**known, **objects}, names, remarks)


def _import_object(path: str) -> Any:
    first, *rest = path.split(".")
    return reduce(getattr, rest, importlib.import_module(first))


def _format_remark(assumed: Mapping[str, str]) -> str:
    """Return the note on names that are assumed to be functions of TensorFlow."""
    name, layer = next(iter(assumed.items()))
    more = f", and {len(assumed) - 1} more like it" if len(assumed) > 1 else ""
    home = KNOWN_FUNCTIONS[name].replace("tensorflow.", "tf.")
    return (
        f"{name!r} in layer {layer!r}{more} is taken for {home}; if it is code of your own, give "
        "its file with --code FILE.py"
    )
