"""Opens a model file that is safe or trusted, in Keras or in the library that supports it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inputgrad_cli.engine.adapter.type_aliases import CustomObjects
from inputgrad_cli.engine.opening.lambda_global_names import use_names
from inputgrad_cli.engine.opening.legacy_models import open_saved_model, open_with_tf_keras
from inputgrad_cli.engine.opening.open_failure_causes import find_cause, suggest_hint
from inputgrad_cli.engine.opening.required_code import UserCode
from inputgrad_cli.engine.tensorflow_error_conversion import keep_full_tracebacks
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.config_object_traversal import parse_version
from inputgrad_cli.modelfile.custom_code_checks import find_custom_objects
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.rewritten_model_copy import write_copy


@contextmanager
def prepare_source(file: ModelFile) -> Iterator[Path]:
    """Yield the path that Keras should open: the file, or a copy with its rewritten parts."""
    if not file.rewritten:
        # Absolute, because Keras downloads what begins with hf://, and TensorFlow reads gs://.
        yield file.path.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="inputgrad-") as folder:
        yield write_copy(file, Path(folder))


def open_in_keras(file: ModelFile, path: Path, user_code: UserCode, trust: bool) -> Any:
    """Return the model at `path`, which `prepare_source` yields for `file`."""
    import keras

    if file.form == "saved_model":
        return open_saved_model(file.path)
    try:
        with use_names(user_code.names), keep_full_tracebacks():
            model = keras.models.load_model(
                str(path),
                _add_registered_names(file, user_code.objects),
                compile=False,  # the loss is read from the configuration, and nothing is trained
                safe_mode=not trust,
            )
    except Exception as error:
        # Only if trusted: unlike Keras 3, tf_keras imports any function that the file names.
        if trust and _is_old(file) and find_spec("tf_keras"):
            return _open_old(file, {**user_code.names, **user_code.objects})
        raise ModelError(
            f"{file.path}: Keras cannot open the model",
            reason=find_cause(error),
            hint=suggest_hint(error) or _suggest_version_hint(file, keras.__version__),
        ) from error
    file.refuse_changed()  # Keras opened the path again, and the file may have been replaced
    # Keras also opens the file of a single layer, without a word.
    if not isinstance(model, keras.Model):
        raise ModelError(f"{file.path}: holds a {type(model).__name__}, not a model")
    if isinstance(model, keras.Sequential) and not (model.built and model.layers):
        raise ModelError(
            f"{file.path}: the model was saved before it had any weights",
            reason="a Sequential without an input is built when it is first called",
            hint="give it a keras.Input, or call it once, and save it again",
            kind="weights",
        )
    return model


def _open_old(file: ModelFile, custom_objects: CustomObjects) -> Any:
    """Return a Keras 2 model, opened by tf_keras."""
    try:
        return open_with_tf_keras(file.path, custom_objects)
    except Exception as error:
        raise ModelError(
            f"{file.path}: neither Keras nor tf_keras can open the model", reason=find_cause(error)
        ) from error


def _add_registered_names(file: ModelFile, objects: CustomObjects) -> CustomObjects:
    """Return the user's objects by name, and also by their registered name in the file."""
    aliases = {
        item.registered_name: objects[item.name]
        for item in find_custom_objects(file.config)
        if item.registered_name and item.name in objects
    }
    return {**objects, **aliases}


def _is_old(file: ModelFile) -> bool:
    return (file.keras_version or "").startswith("2.")


def _suggest_version_hint(file: ModelFile, current: str) -> str:
    """Return advice that depends on the Keras version that saved the file."""
    saved_by = file.keras_version or ""
    if parse_version(saved_by) > parse_version(current):
        return (
            f"it was saved by Keras {saved_by}, this is {current}: upgrade with "
            "pip install -U keras"
        )
    if _is_old(file):
        return (
            f"it was saved by Keras {saved_by}: save it again in Keras 3, or if you trust who made "
            "it, pip install 'inputgrad-cli[legacy]' and pass --trust-model"
        )
    if find_custom_objects(file.config):
        return "the file that --code names must define what the model was saved with"
    if saved_by and parse_version(saved_by) < parse_version(current):
        return f"it was saved by Keras {saved_by}: open and save it again with this one, {current}"
    return "it may have been changed after model.save wrote it: save it again"
