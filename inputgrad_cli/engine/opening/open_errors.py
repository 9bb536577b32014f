"""Why Keras or TensorFlow could not open a model: the cause, which is deep in their messages."""

from __future__ import annotations

import re
from itertools import pairwise

from inputgrad_cli.choices import printable
from inputgrad_cli.engine.adapter.error_location import chain, place_of
from inputgrad_cli.engine.adapter.plain_errors import plain, shorten

PASSED_ON = ("Exception encountered: ", "Error encountered during deserialization: ")
TELLING = (*PASSED_ON, "Could not", "Unknown", "Unrecognized", "Layer ")
# A whole configuration may follow, or the byte code of a function.
NOISY = re.compile(
    r"Full object config:|Received config|config=\{|\{['\"](module|class_name|value|name)['\"]"
)


def cause(error: Exception) -> str:
    """Return why a model could not be opened: what a layer raised, else the line that tells."""
    root = next(chain(error))
    if place := place_of(root):
        said, kind = plain(root), type(root).__name__
        ours = isinstance(root, (TypeError, ValueError)) or said.startswith(kind)
        return f"{place}: {said}" if ours else f"{place}: {kind}: {said}"
    return short(error)


def short(error: Exception) -> str:
    """Return the line of Keras's message that tells; a whole config may follow the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for before, line in pairwise(lines):
        if "error message for object" in before:
            return shorten(line)
    telling = [line for line in lines if line.startswith(TELLING)]
    line = (telling or lines or [type(error).__name__])[-1 if telling else 0]
    for words in PASSED_ON:
        line = line.removeprefix(words)
    line = printable(NOISY.split(line)[0].strip(" .,:;"))
    if not isinstance(error, (TypeError, ValueError)):
        line = f"{type(error).__name__}: {line}"  # not one of Keras's own
    return shorten(line)


def mend_of(error: Exception) -> str:
    """Return what mends a class of the user's that cannot be made again; nothing for others."""
    text = str(error)
    if "unexpected keyword argument" in text:
        return "let its __init__ take **kwargs and hand them to super().__init__(**kwargs)"
    if re.search(r"missing \d+ required (positional|keyword)", text):
        return "let its get_config return every argument of __init__, and save the model again"
    return ""


def cause_of_saved_model(error: Exception) -> tuple[str, str]:
    """Return why a SavedModel could not be opened, and what mends it."""
    if "_UserObject" in str(error):
        return (
            "it holds an object of Keras 2, such as an optimizer, that this Keras cannot make",
            "pip install 'inputgrad-cli[legacy]', or save it again without its optimizer: "
            "model.save('DIR', include_optimizer=False)",
        )
    return plain(error), ""
