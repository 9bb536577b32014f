"""Opens the model and reads the samples of one call of the Python interface."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.data.baselines import Baseline, FromFile
from inputgrad_cli.data.preprocessing import InputPreprocessing
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.attribution_assembly import Provenance, format_call
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.explanation.request_checks import check_request
from inputgrad_cli.formats.bounded_file_reading import read_bytes
from inputgrad_cli.formats.class_name_lookup import read_class_names
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.formats.read_samples import check_finite, read_samples
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.model import Model, list_versions, load, open_source
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.sidecar_settings import read_sidecar
from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class Item:
    """The samples that the caller gave, and how they were read."""

    samples: Samples
    options: ReadOptions
    pixels: InputPreprocessing


def read_item(
    model: Model,
    read: Callable[[ReadOptions], Samples],
    preprocess: str,
    columns: Sequence[str],
    *,
    lines: bool = False,
) -> Item:
    """Return the samples that `read` returns for the model; raise the first error.

    `columns` and `lines` are those of `ReadOptions`.
    """
    pixels = model.resolve_preprocessing(preprocess)
    sidecar = read_sidecar(model.file.path)
    column_names = tuple(columns) or (sidecar.columns if sidecar else ())
    options = ReadOptions(
        model.signature.inputs,
        pixels.other,
        input_preprocess=pixels.inputs,
        columns=column_names,
        lines=lines,
    )
    samples = read(options)
    if samples.failed:
        raise next(iter(samples.failed.values()))
    if samples.is_ragged:
        raise UsageError(
            "samples of unequal shapes make several results", hint="give one sample at a time"
        )
    # Level 3 is the user's program: level 1 is this function, level 2 the public one that calls it.
    for doubt in [pixels.doubts[name] for name in samples.pixels if name in pixels.doubts]:
        warnings.warn(f"{doubt}; decide it with preprocess=", stacklevel=3)
    return Item(samples, options, pixels)


def open_for(
    model: Any, request: ExplainRequest, check: Callable[[ModelFile], None] | None = None
) -> Model:
    """Load a model, given as in `load`, unless its file shows that the request cannot be met.

    `check` raises UsageError for what else the file rules out.
    """
    source = open_source(model)
    file = source.file
    refuse_unsafe(file, trust=source.is_live)
    request = replace(request, labels=read_class_names(file), compiled_loss=file.compiled_loss)
    # The loss may be registered by the caller's program.
    check_request(request, file.config, own_losses=True)
    if check is not None:
        check(file)
    return load(source)


def to_labels(truth: Any, samples: int) -> Array:
    """Return labels (samples, ...), from one value for all samples or one per sample."""
    values = np.asarray(truth, np.float32)
    if values.ndim == 0:
        return np.full(samples, values, np.float32)
    # The labels of a single sample, such as a picture of classes, may come without that axis.
    if samples == 1 and len(values) != 1:
        values = values[np.newaxis]
    if len(values) != samples:
        raise UsageError(
            f"truth of shape {values.shape} for {samples} samples",
            hint="its first axis is the sample: give one value, or one per sample",
        )
    return values


def build_provenance(model: Model, request: ExplainRequest) -> Provenance:
    """Return the provenance facts that the records of all items share."""
    return Provenance(
        model_sha256=model.file.sha256,
        versions=list_versions(),
        seed=request.seed,
        baseline=None if request.baseline is None else _describe_baseline(request.baseline),
        wrt=request.wrt,
        precision=model.engine.precision,
    )


def _describe_baseline(baseline: Baseline) -> str:
    """Return a baseline as text, with only the name of a file, because results contain no paths."""
    if isinstance(baseline, FromFile):
        baseline = replace(baseline, path=Path(baseline.path).name)
    return format_call(baseline)


def to_samples(inputs: Any, options: ReadOptions) -> Samples:
    """Return the samples of a path, an array for the first input, or a mapping of arrays."""
    if isinstance(inputs, (str, os.PathLike)):
        path = Path(inputs)
        return read_samples({None: read_bytes(path)}, {None: path}, options)
    by_name = inputs if isinstance(inputs, Mapping) else {options.specs[0].name: inputs}
    # Lists and tensors of other libraries become arrays here, and nothing but arrays goes further.
    arrays = {name: np.asarray(array) for name, array in by_name.items()}
    return check_finite(from_arrays(arrays, options.specs, "inputs"), "inputs")
