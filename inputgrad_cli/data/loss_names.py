"""Lists the names of Keras's losses, so that a typing error is refused before Keras starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inputgrad_cli.data.unresolved_target import RECONSTRUCTION
from inputgrad_cli.errors import UsageError
from inputgrad_cli.spelling_suggestions import format_advice, suggest

COMPILED = "compiled"  # the loss that the model's file names
# What `keras.losses.get` takes and `keras.losses` holds: functions, then short names, then classes.
LOSSES = frozenset((
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy",
    "categorical_hinge", "circle", "cosine_similarity", "ctc", "dice", "hinge", "huber",
    "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "poisson",
    "sparse_categorical_crossentropy", "squared_hinge", "tversky",
    "bce", "kld", "mae", "mape", "mse", "msle", "BCE", "KLD", "MAE", "MAPE", "MSE", "MSLE",
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CTC", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy", "CategoricalHinge",
    "Circle", "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence", "LogCosh",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "Tversky",
))  # fmt: skip
SUGGESTIONS = [*sorted(name for name in LOSSES if name.islower()), COMPILED, RECONSTRUCTION]
# Names in other libraries and in papers, and the losses of Keras that they mean.
SYNONYMS = {
    "l1": ("mean_absolute_error",), "l2": ("mean_squared_error",), "rmse": ("mean_squared_error",),
    "crossentropy": ("categorical_crossentropy", "sparse_categorical_crossentropy"),
    "cce": ("categorical_crossentropy",), "scce": ("sparse_categorical_crossentropy",),
    "nll": ("sparse_categorical_crossentropy",), "logloss": ("binary_crossentropy",),
    "bcewithlogits": ("binary_crossentropy",), "focal": ("binary_focal_crossentropy",),
    "autoencoder": (RECONSTRUCTION,),
    "jaccard": ("dice",), "iou": ("dice",), "kl": ("kl_divergence",), "smoothl1": ("huber",),
}  # fmt: skip


def read_loss_name(config: Any) -> str:
    """Return the name of a loss function or class from the configuration in a model file."""
    if not isinstance(config, Mapping):
        return str(config)
    inner = config.get("config")
    return str(inner if isinstance(inner, str) else config.get("class_name"))


def build_unknown_loss_error(name: str) -> UsageError:
    """Return the error for a loss that neither Keras nor a `--code` file defines."""
    near = [f"loss:{other}" for other in suggest(name, SUGGESTIONS, SYNONYMS)]
    return UsageError(
        f"target loss:{name} is not known",
        hint=format_advice(
            near,
            "NAME is what keras.losses.get takes, as loss:mean_squared_error or loss:mse; "
            "one of your own stands in the file given by --code FILE.py",
        ),
    )


def refuse_unknown_losses(name: str, compiled: Any) -> None:
    """Raise UsageError unless `loss:NAME` is a loss of Keras.

    `compiled` are the losses in the model file: one, or several in a list or by output.
    """
    losses = _yield_losses(compiled) if name == COMPILED else [name]
    for loss in losses:
        if loss not in LOSSES:
            raise build_unknown_loss_error(loss)


def _yield_losses(compiled: Any) -> Iterator[str]:
    """Yield the names of all losses in a compiled configuration."""
    if isinstance(compiled, list):
        for part in compiled:
            yield from _yield_losses(part)
    # A dictionary with a class is one serialized loss; without one it has losses by output.
    elif isinstance(compiled, Mapping) and "class_name" not in compiled:
        yield from _yield_losses(list(compiled.values()))
    elif compiled is not None:
        yield read_loss_name(compiled)
