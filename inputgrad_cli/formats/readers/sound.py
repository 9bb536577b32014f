"""Registers the reader of sound files, each one waveform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.sound.waveform_reading import is_sound_input, read_sound
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register


def read_sound_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the waveform of a file as one sample, with the sample rate in its record."""
    (spec,) = options.specs
    values, rate = read_sound(file.read_all(), spec, file.where)
    return Samples({spec.name: values[np.newaxis]}, record={"sample_rate": {spec.name: rate}})


def is_single_sound(specs: Sequence[InputSpec]) -> bool:
    """Return whether the inputs are a single waveform."""
    return len(specs) == 1 and is_sound_input(specs[0])


register(Reader((".wav",), read_sound_file, kind="sound", accepts=is_single_sound))
