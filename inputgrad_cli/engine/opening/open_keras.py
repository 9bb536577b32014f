"""Gives a model file that was found harmless, or is trusted, to the library that can open it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inputgrad_cli.engine.opening.lambdas import names_given
from inputgrad_cli.engine.opening.legacy_models import open_saved_model, open_with_tf_keras
from inputgrad_cli.engine.opening.open_errors import cause, mend_of
from inputgrad_cli.engine.opening.required_code import Own
from inputgrad_cli.engine.tf_errors import whole_tracebacks
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_nodes import version_numbers
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.repack import write_copy
from inputgrad_cli.modelfile.safety import custom_objects


@contextmanager
def source_of(file: ModelFile) -> Iterator[Path]:
    """Yield the path that Keras should open: the file, or a copy with what was rewritten in it."""
    if not file.rewritten:
        yield file.path.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="inputgrad-") as folder:
        yield write_copy(file, Path(folder))


def open_in_keras(file: ModelFile, path: Path, own: Own, trust: bool) -> Any:
    """Return the model that stands at `path`, the source of `file`."""
    import keras

    if file.form == "saved_model":
        return open_saved_model(file.path)
    try:
        with names_given(own.names), whole_tracebacks():
            model = keras.models.load_model(
                str(path), _by_every_name(file, own.objects), compile=False, safe_mode=not trust
            )
    except Exception as error:
        if trust and _is_old(file) and find_spec("tf_keras"):
            return _open_old(file, {**own.names, **own.objects})
        raise ModelError(
            f"{file.path}: Keras cannot open the model",
            reason=cause(error),
            mend=mend_of(error) or _advice(file, keras.__version__),
        ) from error
    file.refuse_changed()  # Keras opened it anew, by its name
    if not isinstance(model, keras.Model):
        raise ModelError(f"{file.path}: holds a {type(model).__name__}, not a model")
    if isinstance(model, keras.Sequential) and not (model.built and model.layers):
        raise ModelError(
            f"{file.path}: the model was saved before it had any weights",
            reason="a Sequential without an input is built when it is first called",
            mend="give it a keras.Input, or call it once, and save it again",
            kind="weights",
        )
    return model


def _open_old(file: ModelFile, own: dict[str, Any]) -> Any:
    try:
        return open_with_tf_keras(file.path, own)
    except Exception as error:
        raise ModelError(
            f"{file.path}: neither Keras nor tf_keras can open the model", reason=cause(error)
        ) from error


def _by_every_name(file: ModelFile, own: dict[str, Any]) -> dict[str, Any]:
    """Return the user's objects by name, and by the registered name that the file gives them."""
    aliases = {
        item.registered: own[item.name]
        for item in custom_objects(file.config)
        if item.registered and item.name in own
    }
    return {**own, **aliases}


def _is_old(file: ModelFile) -> bool:
    return (file.keras_version or "").startswith("2.")


def _advice(file: ModelFile, here: str) -> str:
    wrote = file.keras_version or ""
    if version_numbers(wrote) > version_numbers(here):
        return f"it was saved by Keras {wrote}, this is {here}: upgrade with pip install -U keras"
    if _is_old(file):
        return (
            f"it was saved by Keras {wrote}: save it again in Keras 3, or if you trust who made "
            "it, pip install 'inputgrad-cli[legacy]' and pass --trust-model"
        )
    if custom_objects(file.config):
        return "the file that --code names must define what the model was saved with"
    if wrote and version_numbers(wrote) < version_numbers(here):
        return f"it was saved by Keras {wrote}: open and save it again with this one, {here}"
    return "check that the file is whole and was saved by model.save"
