"""The `Reader` of an input format, what it is given, and the registry of readers by suffix.

How to add an input format:

1. Write one file, `formats/readers/my_format.py`: a function that returns the samples of a file,
   and a call of `register(Reader(...))`. `formats/readers/__init__.py` imports every file of its
   folder, so nothing else needs to be edited. `formats/readers/text.py` is a short example.
2. Write one test file, `tests/formats/test_my_format.py`, and add a function that writes such a
   file to `tests/formats/test_one_sample.py`. The rules in `tests/formats/test_readers.py` are
   checked for every registered reader.
3. Add the suffix to the table in `formats/README.md` and to the help of `inputgrad saliency`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples, match_input
from inputgrad_cli.data.signature import InputSpec

Kind = Literal["array", "table", "image", "text", "sound"]


class LargeFile(Protocol):
    """A file of `size` bytes that is not held in memory. Its bytes are those that were hashed."""

    size: int
    sha256: str

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to `stop`."""

    def read_all(self) -> bytes:
        """Return all bytes. Raises ItemError if they are too many for memory."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield all bytes in blocks."""


Content = bytes | LargeFile


@dataclass(frozen=True)
class InputFile:
    """A file to read: its content, and its path for messages."""

    content: Content
    path: Path

    @property
    def where(self) -> str:
        """Return the path as text, with which the message of every ItemError begins."""
        return str(self.path)

    @property
    def suffix(self) -> str:
        """Return the end of the name, in lower case, by which readers are chosen."""
        return self.path.suffix.lower()

    def read_all(self) -> bytes:
        """Return all bytes of the file. Raises ItemError if they are too many for memory."""
        return self.content if isinstance(self.content, bytes) else self.content.read_all()


@dataclass(frozen=True)
class ReadOptions:
    """How files are read: which inputs they feed, and how pictures become model input.

    `aliases` maps the user's names of inputs to those of the model, and files may use either.
    `folder` holds temporary files of numbers that do not fit into memory. `input_preprocess` is the
    preprocessing of inputs for which it differs from `preprocess`. `columns` are the columns of a
    table that feed a vector, in its order. With `lines`, each line of a text file is a sample.
    """

    specs: tuple[InputSpec, ...]
    preprocess: Preprocess
    image_options: ImageOptions = field(default_factory=ImageOptions)
    aliases: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    input_preprocess: Mapping[str, Preprocess] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    lines: bool = False

    def get_preprocess(self, spec: InputSpec) -> Preprocess:
        """Return the preprocessing of pictures for this input."""
        return match_input(self.input_preprocess.get(spec.name, self.preprocess), spec)


def _accept_all(_: Sequence[InputSpec]) -> bool:
    return True


@dataclass(frozen=True)
class Reader:
    """Reads the files of one format.

    - `suffixes`: the ends of the names of its files, in lower case, with the dot.
    - `read`: returns the samples of a file for `options.specs`, and raises ItemError for whatever
      else the file holds. A bad sample among many belongs into `Samples.failed`.
    - `kind`: what a file holds. The attributions of a `table` are also written as a table; pixels
      are brought to the range of the model for an `image`.
    - `accepts`: whether a search of directories takes such files for these inputs. A file that the
      user names is read in any case.
    - `many`: whether a file may hold many samples (apart from frames of pictures).
    - `names_inputs`: whether one file can feed several inputs, by name. Otherwise `read` is called
      with one input only.
    - `streamed`: whether a large file is given as a `LargeFile`. Small ones are always bytes.
    - `check`: is called before a file is opened, and raises ItemError.
    - `bytes_factor`: about how many bytes of memory a byte of a file takes.
    """

    suffixes: tuple[str, ...]
    read: Callable[[InputFile, ReadOptions], Samples]
    kind: Kind = "array"
    accepts: Callable[[Sequence[InputSpec]], bool] = _accept_all
    many: bool = False
    names_inputs: bool = False
    streamed: bool = False
    check: Callable[[Path], None] | None = None
    bytes_factor: int = 4


READERS: dict[str, Reader] = {}  # by suffix


def register(reader: Reader) -> None:
    """Register a reader for its suffixes. Raises ValueError if a suffix has a reader already."""
    # All suffixes or none, so that no format is read by two readers.
    if taken := [suffix for suffix in reader.suffixes if suffix in READERS]:
        raise ValueError(f"{' '.join(taken)}: another reader is registered for it")
    READERS.update(dict.fromkeys(reader.suffixes, reader))
