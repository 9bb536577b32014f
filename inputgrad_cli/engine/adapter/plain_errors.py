"""TensorFlow's and Keras's messages in plain words, without what only their makers can read."""

from __future__ import annotations

import re
from collections.abc import Callable

MOST = 300  # letters of a message that no rule knows
SHAPE = r"(\[[\d,? ]*\])"
KERNELS = (
    "TensorFlow has no kernel for channels-first maps on this processor; set "
    "TF_ENABLE_ONEDNN_OPTS=1 in the environment, which brings one"
)
SMALL = "the input is too small: a window is larger than what it slides over"
# What stands around the line that tells; of compiled programs, every place in the code.
FRAMES = re.compile(
    r"Exception encountered when calling|Graph execution error|Detected at node|File |"
    r"<stack traces unavailable>|\[\[\{\{node|in user code|Arguments received by|•|Traceback"
)
# What TensorFlow writes for its makers: places in graphs, names of nodes, types of attributes.
MARKS = (
    r"\x1b\[[0-9;]*m",
    r"\{\{function_node .*?\}\}\s*",
    r"\[\[\{\{node .*?\}\}\]\]",
    r"\s*;? ?NodeDef: .*",
    r"\s*\[Op:.*",
    r",? node name: \S+",
    r"\s*for '\{\{node .*?\}\} = .*",
    r"\{\{node (.*?)\}\}",
    r"\b\w*__wrapped__\w*",
    r"\S*/job:localhost\S*",
    r"(^|\s)__inference_\S*",
)
# How TensorFlow ends a message about shapes while it compiles, and Keras one about an input.
SHAPED = re.compile(r" with input shapes: |incompatible with the layer|Received: ")

Words = Callable[..., str]


def _shape(text: str) -> str:
    sizes = re.findall(r"\d+|\?", text)
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _apart(first: str, second: str) -> str:
    return f"shapes {_shape(first)} and {_shape(second)} do not fit together"


def _product(first: str, second: str) -> str:
    return f"matrices of {_shape(first)} and {_shape(second)} cannot be multiplied"


def _joined(axis: str, first: str, second: str) -> str:
    pair = f"{_shape(first)} and {_shape(second)}"
    return f"shapes {pair} cannot be joined: they differ along axis {axis}"


def _id(place: str | None, value: str, size: str) -> str:
    where = f" (at {', '.join(place.split(','))})" if place else ""
    return f"it is asked for row {value} of a table whose rows are 0 to {int(size) - 1}{where}"


RULES: tuple[tuple[str, Words], ...] = (
    (r"only supports? the NHWC|supports? NHWC|[Oo]nly NHWC|NCHW.*not supported|"
     r"not support.*NCHW|MklNative.*NCHW", lambda: KERNELS),
    (r"input_size: (\d+), effective_filter_size: (\d+)",
     lambda size, window: f"the input is too small: a window of {window} slides over {size}"),
    (r"[Cc]omputed output size would be|could not create a descriptor for a pooling",
     lambda: SMALL),
    (r"Negative dimension size caused by subtracting (\d+) from (\d+)",
     lambda window, size: f"the input is too small: a window of {window} slides over {size}"),
    (rf"Matrix size-incompatible: In\[0\]: {SHAPE}, In\[1\]: {SHAPE}", _product),
    (rf"In\[0\] and In\[1\] must have compatible batch dimensions: {SHAPE} vs\. {SHAPE}", _product),
    (rf"= (?:Batch)?MatMul\w*\[.*with input shapes: {SHAPE}, {SHAPE}", _product),
    (rf"Incompatible shapes: {SHAPE} vs\. {SHAPE}", _apart),
    (rf"Dimensions must be equal.*with input shapes: {SHAPE}, {SHAPE}\.?$", _apart),
    (rf"Must provide as many biases as .*: {SHAPE} vs\. {SHAPE}", _apart),
    (rf"Shapes of all inputs must match: \S+ = {SHAPE} != \S+ = {SHAPE}", _apart),
    (rf"ConcatOp : Dimension (\d+) in both shapes must be equal: \S+ = {SHAPE} vs\. \S+ = {SHAPE}",
     _joined),
    (rf"Dimension (\d+) in both shapes must be equal.* input shapes: {SHAPE}, {SHAPE}", _joined),
    (r"Input to reshape is a tensor with (\d+) values, but the requested shape has (\d+)",
     lambda has, wants: f"{has} numbers cannot take a shape of {wants}"),
    (r"Input to reshape is a tensor with (\d+) values, .* requires a multiple of (\d+)",
     lambda has, wants: f"{has} numbers cannot take a shape of a multiple of {wants}"),
    (rf"Cannot reshape a tensor with (\d+) elements to shape {SHAPE}",
     lambda has, shape: f"{has} numbers cannot take the shape {_shape(shape)}"),
    (r"indices(?:\[([\d,]*)\])? = (-?\d+) is not in \[0, (\d+)\)", _id),
    (rf"indices\[.*\] = {SHAPE} does not index into (?:param )?shape {SHAPE}",
     lambda at, shape: f"place {_shape(at)} lies outside of the shape {_shape(shape)}"),
    (r"slice index (-?\d+) of dimension (\d+) out of bounds",
     lambda at, axis: f"there is no place {at} along axis {axis}"),
    (r"Expected size\[(\d+)\] in \[0, (\d+)\], but got (\d+)",
     lambda axis, most, wants: f"a part of {wants} is cut from {most} left along axis {axis}"),
    (r"cannot compute (\w+) as input #.* to be a (\w+) tensor but is a (\w+) tensor",
     lambda op, one, two: f"{op} takes numbers of one type, and got {one} and {two}"),
    (r"Input '\w+' of '(\w+)' Op has type (\w+) that does not match type (\w+)",
     lambda op, one, two: f"{op} takes numbers of one type, and got {two} and {one}"),
    (r"Dimension size must be evenly divisible by (\d+) but is (\d+)",
     lambda part, size: f"{size} places cannot be shared out by {part}"),
    (r"Cast (\w+) to (\w+) is not supported",
     lambda one, two: f"values of type {one} cannot be made {two}"),
    (r"Value for attr '\w+' of (\w+) is not in the list.*NodeDef: \{\{node (\w+)\}\}",
     lambda kind, op: f"{op} does not take values of type {kind}"),
    (r"Value for attr '\w+' of (\w+) is not in the list",
     lambda kind: f"an operation does not take values of type {kind}"),
    (r"Value passed to parameter '\w+' has DataType (\w+) not in list",
     lambda kind: f"an operation does not take values of type {kind}"),
    (r"could not correctly convert string: (.*?)(?:\s*\[|\s*$)",
     lambda text: f"the text {text!r} is no number"),
    (r"No OpKernel was registered to support Op '(\w+)'",
     lambda op: f"TensorFlow cannot compute {op} for these types on this device"),
    (r"(?:Could not find device for node|Cannot assign a device for operation).*?(\w+)\}?\}?[:=' ]",
     lambda op: f"TensorFlow cannot compute {op} for these types on this device"),
    (r"assertion failed: \[(.*?)\](?:\s*\[|\s*$)", lambda text: text.replace("\\", "")),
    (r"to be true\. Summarized data: b?'?(.*?)'?$", lambda text: text.replace("\\", "")),
)  # fmt: skip


def plain(error: BaseException) -> str:
    """Return what an error says as one line of whole words, without TensorFlow's own marks."""
    line = _telling(re.sub(MARKS[0], "", str(error)))
    if known := _known(error):
        return known
    for mark in MARKS:
        line = re.sub(mark, r"\1" if mark.startswith(r"\{\{node") else " ", line)
    line = " ".join(line.split("{{")[0].split()).strip(" ;,.")
    return shorten(line) or type(error).__name__


def is_of_input(error: BaseException) -> bool:
    """Return whether the values that a model was given are at fault, by a rule that is known."""
    return bool(_known(error) or SHAPED.search(str(error)))


def _known(error: BaseException) -> str:
    whole = " ".join(re.sub(MARKS[0], "", str(error)).split())
    for pattern, words in RULES:
        if match := re.search(pattern, whole):
            return words(*match.groups()).strip(" .,;")
    return ""


def _telling(text: str) -> str:
    """Return the line that tells: the first, or of traced code of the user's own the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("in user code"):
        ends = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Warning)\b", line)]
        return re.sub(r"^([\w.]*\.|Value|Type|InvalidArgument)Error: ", "", (ends or lines)[-1])
    return next((line for line in lines if not FRAMES.match(line)), "")


def shorten(line: str, most: int = MOST) -> str:
    """Return a line of at most so many letters, cut between words."""
    if len(line) <= most:
        return line
    head = line[: most - 3]
    return head.rpartition(" ")[0].rstrip(" ,;:.") + " ..." if " " in head else head + "..."
