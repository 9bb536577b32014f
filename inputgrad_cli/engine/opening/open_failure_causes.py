"""Finds the reason why Keras or TensorFlow could not open a model in their long messages."""

from __future__ import annotations

import re
from itertools import pairwise

from inputgrad_cli.engine.adapter.error_location import locate_error, yield_causes
from inputgrad_cli.engine.adapter.error_message_rewriting import shorten, to_plain_message
from inputgrad_cli.option_choices import to_printable

WRAPPINGS = ("Exception encountered: ", "Error encountered during deserialization: ")
KEY_BEGINNINGS = (*WRAPPINGS, "Could not", "Unknown", "Unrecognized", "Layer ")
# The beginning of a complete configuration, or of the byte code of a function.
CONFIG_START = re.compile(
    r"Full object config:|Received config|config=\{|\{['\"](module|class_name|value|name)['\"]"
)


def find_cause(error: Exception) -> str:
    """Return why a model could not be opened: a layer's own error, else the relevant line."""
    root = next(yield_causes(error))
    if location := locate_error(root):
        message, type_name = to_plain_message(root).rstrip(" :"), type(root).__name__
        is_usual = isinstance(root, (TypeError, ValueError)) or message.startswith(type_name)
        return f"{location}: {message}" if is_usual else f"{location}: {type_name}: {message}"
    return extract_message(error)


def extract_message(error: Exception) -> str:
    """Return the relevant line of Keras's message, without the configuration that may follow."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for before, line in pairwise(lines):
        if "error message for object" in before:
            return shorten(line)
    relevant = [line for line in lines if line.startswith(KEY_BEGINNINGS)]
    line = (relevant or lines or [type(error).__name__])[-1 if relevant else 0]
    for wrapping in WRAPPINGS:
        line = line.removeprefix(wrapping)
    line = to_printable(CONFIG_START.split(line)[0].strip(" .,:;"))
    if not isinstance(error, (TypeError, ValueError)):
        line = f"{type(error).__name__}: {line}"  # Keras itself raises only these two
    return shorten(line)


def suggest_hint(error: Exception) -> str:
    """Return advice for a user's class that cannot be created again, "" for other errors."""
    text = str(error)
    if "unexpected keyword argument" in text:
        return "let its __init__ take **kwargs and hand them to super().__init__(**kwargs)"
    if re.search(r"missing \d+ required (positional|keyword)", text):
        return "let its get_config return every argument of __init__, and save the model again"
    return ""


def explain_saved_model_error(error: Exception) -> tuple[str, str]:
    """Return why a SavedModel could not be opened, and advice."""
    if "_UserObject" in str(error):
        return (
            "it holds an object of Keras 2, such as an optimizer, that this Keras cannot make",
            "pip install 'inputgrad-cli[legacy]', or save it again without its optimizer: "
            "model.save('DIR', include_optimizer=False)",
        )
    return to_plain_message(error), ""
