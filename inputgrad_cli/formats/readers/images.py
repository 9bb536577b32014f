"""Registers the readers of pictures; files of some formats hold several pages or frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.model_input_conversion import fit_array
from inputgrad_cli.data.pictures.uncropped_original import OriginalPicture
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples, describe_layout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.images.multi_page_stacks import (
    has_bands,
    is_stack_input,
    read_image_stack,
)
from inputgrad_cli.formats.images.read_images import ImageFrames, read_image_frames
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register
from inputgrad_cli.numeric.array_helpers import Array

BYTES_FACTOR = 40  # about the bytes of pixels, as floats too, for each byte of a compressed picture


def read_image_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return a picture as one sample, its frames as many, or its pages or bands as one sample."""
    (spec,) = options.specs
    data = file.read_all()
    if is_stack_input(spec) or has_bands(data, spec):
        return _read_stack(data, spec, options, file.where)
    return _read_picture(data, spec, options, file.where)


def _read_picture(data: bytes, spec: InputSpec, options: ReadOptions, where: str) -> Samples:
    images = read_image_frames(data, spec, options.image_options, where)
    preprocess = options.get_preprocess(spec)
    record = {**images.record, **describe_layout([spec])}
    notes = dict(images.notes)
    if spec.is_flat and not spec.is_image:
        record["flat"] = [spec.name]
        notes["picture-as-array"] = f"input {spec} took the file as a grey picture"
    return Samples(
        {spec.name: _to_model_input(images.pixels, preprocess, spec, where)},
        many=images.many,
        pixels={spec.name: images.display_pixels},
        preprocess={spec.name: preprocess},
        notes=notes,
        record=record,
        originals=_keep_originals(data, images, spec, options=options.image_options, where=where),
    )


def _keep_originals(
    data: bytes, images: ImageFrames, spec: InputSpec, *, options: ImageOptions, where: str
) -> dict[str, tuple[OriginalPicture, ...]]:
    """Return the file's own pictures, still encoded, if they are to be drawn."""
    if not options.keep_original:
        return {}
    height, width = images.pixels.shape[1:3]
    return {
        spec.name: tuple(
            OriginalPicture(data, frame, options, (height, width), where)
            for frame in images.indices
        )
    }


def _read_stack(data: bytes, spec: InputSpec, options: ReadOptions, where: str) -> Samples:
    stack = read_image_stack(data, spec, options.image_options, where)
    preprocess = replace(options.get_preprocess(spec), frames=stack.has_frame_axis)
    array = _to_model_input(stack.pixels, preprocess, spec, where)
    if stack.has_frame_axis:
        array = array.reshape(array.shape[: 1 + len(spec.shape or ())])
    return Samples(
        {spec.name: array},
        preprocess={spec.name: preprocess},
        notes=stack.notes,
        record=stack.record,
    )


def _to_model_input(pixels: Array, preprocess: Preprocess, spec: InputSpec, where: str) -> Array:
    if spec.kind != "integer":
        return preprocess.apply(pixels)
    if not preprocess.keeps_values:
        raise ItemError(
            f"{where}: --preprocess {preprocess.name} makes fractions of pixels",
            reason=f"input {spec.name!r} takes whole numbers ({spec.dtype})",
            hint="use --preprocess raw",
            kind="dtype",
        )
    fitted = fit_array(np.rint(preprocess.apply(pixels)), spec, where)
    for error in fitted.failed.values():
        raise error
    return fitted.array


def is_single_picture(specs: Sequence[InputSpec]) -> bool:
    """Return whether the inputs are a single picture."""
    return len(specs) == 1 and specs[0].is_image


def is_single_picture_or_stack(specs: Sequence[InputSpec]) -> bool:
    """Return whether the inputs are a single picture, or a single stack of pages or frames."""
    return len(specs) == 1 and (specs[0].is_image or is_stack_input(specs[0]))


PICTURE = Reader(
    (".png", ".jpg", ".jpeg", ".bmp"),
    read_image_file,
    kind="image",
    accepts=is_single_picture,
    bytes_factor=BYTES_FACTOR,
)
register(PICTURE)
register(
    replace(
        PICTURE, suffixes=(".webp", ".tif", ".tiff", ".gif"), accepts=is_single_picture_or_stack
    )
)
