"""Rewrites messages of TensorFlow and Keras in plain words, without their internal names."""

from __future__ import annotations

import re
from collections.abc import Callable

from inputgrad_cli.numeric.array_helpers import format_shape

MAX_LETTERS = 300  # characters of a message that matches no rule
SHAPE = r"(\[[\d,? ]*\])"
NO_KERNEL = (
    "TensorFlow has no kernel for channels-first maps on this processor; set "
    "TF_ENABLE_ONEDNN_OPTS=1 in the environment, which brings one"
)
TOO_SMALL = "the input is too small: a window is larger than what it slides over"
# Lines around the relevant one; messages of compiled programs list every position in the code.
CONTEXT_LINES = re.compile(
    r"Exception encountered when calling|Graph execution error|Detected at node|File |"
    r"<stack traces unavailable>|\[\[\{\{node|in user code|Arguments received by|•|Traceback"
)
# Internals in TensorFlow's messages: positions in graphs, names of nodes, types of attributes.
INTERNAL_NAMES = (
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
# The ends of TensorFlow's messages about shapes at compile time, and of Keras's about inputs.
SHAPE_MESSAGES = re.compile(r" with input shapes: |incompatible with the layer|Received: ")

MessageFormatter = Callable[..., str]


def _format_shape(text: str) -> str:
    """Return a shape that TensorFlow writes as `[2,?]` in the form of all other messages."""
    sizes = re.findall(r"\d+|\?", text)
    return format_shape(None if size == "?" else int(size) for size in sizes)


def _describe_mismatch(first: str, second: str) -> str:
    return f"shapes {_format_shape(first)} and {_format_shape(second)} do not fit together"


def _describe_product(first: str, second: str) -> str:
    return f"matrices of {_format_shape(first)} and {_format_shape(second)} cannot be multiplied"


def _describe_join(axis: str, first: str, second: str) -> str:
    pair = f"{_format_shape(first)} and {_format_shape(second)}"
    return f"shapes {pair} cannot be joined: they differ along axis {axis}"


def _describe_id(position: str | None, value: str, size: str) -> str:
    where = f" (at {', '.join(position.split(','))})" if position else ""
    return f"row {value} is requested of a table whose rows are 0 to {int(size) - 1}{where}"


RULES: tuple[tuple[str, MessageFormatter], ...] = (
    (r"only supports? the NHWC|supports? NHWC|[Oo]nly NHWC|NCHW.*not supported|"
     r"not support.*NCHW|MklNative.*NCHW", lambda: NO_KERNEL),
    (r"input_size: (\d+), effective_filter_size: (\d+)",
     lambda size, window: f"the input is too small: a window of {window} slides over {size}"),
    (r"[Cc]omputed output size would be|could not create a descriptor for a pooling",
     lambda: TOO_SMALL),
    (r"Negative dimension size caused by subtracting (\d+) from (\d+)",
     lambda window, size: f"the input is too small: a window of {window} slides over {size}"),
    (rf"Matrix size-incompatible: In\[0\]: {SHAPE}, In\[1\]: {SHAPE}", _describe_product),
    (rf"In\[0\] and In\[1\] must have compatible batch dimensions: {SHAPE} vs\. {SHAPE}",
     _describe_product),
    (rf"= (?:Batch)?MatMul\w*\[.*with input shapes: {SHAPE}, {SHAPE}", _describe_product),
    (rf"Incompatible shapes: {SHAPE} vs\. {SHAPE}", _describe_mismatch),
    (rf"Dimensions must be equal.*with input shapes: {SHAPE}, {SHAPE}\.?$", _describe_mismatch),
    (rf"Must provide as many biases as .*: {SHAPE} vs\. {SHAPE}", _describe_mismatch),
    (rf"Shapes of all inputs must match: \S+ = {SHAPE} != \S+ = {SHAPE}", _describe_mismatch),
    (rf"ConcatOp : Dimension (\d+) in both shapes must be equal: \S+ = {SHAPE} vs\. \S+ = {SHAPE}",
     _describe_join),
    (rf"Dimension (\d+) in both shapes must be equal.* input shapes: {SHAPE}, {SHAPE}",
     _describe_join),
    (r"Input to reshape is a tensor with (\d+) values, but the requested shape has (\d+)",
     lambda has, wants: f"{has} numbers cannot take a shape of {wants}"),
    (r"Input to reshape is a tensor with (\d+) values, .* requires a multiple of (\d+)",
     lambda has, wants: f"{has} numbers cannot take a shape of a multiple of {wants}"),
    (rf"Cannot reshape a tensor with (\d+) elements to shape {SHAPE}",
     lambda has, shape: f"{has} numbers cannot take the shape {_format_shape(shape)}"),
    (r"indices(?:\[([\d,]*)\])? = (-?\d+) is not in \[0, (\d+)\)", _describe_id),
    (rf"indices\[.*\] = {SHAPE} does not index into (?:param )?shape {SHAPE}",
     lambda index, shape:
         f"index {_format_shape(index)} is outside of the shape {_format_shape(shape)}"),
    (r"slice index (-?\d+) of dimension (\d+) out of bounds",
     lambda index, axis: f"there is no index {index} along axis {axis}"),
    (r"Expected size\[(\d+)\] in \[0, (\d+)\], but got (\d+)",
     lambda axis, rest, size: f"a slice of {size} is taken from {rest} left along axis {axis}"),
    (r"cannot compute (\w+) as input #.* to be a (\w+) tensor but is a (\w+) tensor",
     lambda op, first, second: f"{op} takes numbers of one type, and got {first} and {second}"),
    (r"Input '\w+' of '(\w+)' Op has type (\w+) that does not match type (\w+)",
     lambda op, first, second: f"{op} takes numbers of one type, and got {second} and {first}"),
    (r"Dimension size must be evenly divisible by (\d+) but is (\d+)",
     lambda part, size: f"an axis of {size} cannot be divided evenly by {part}"),
    (r"Cast (\w+) to (\w+) is not supported",
     lambda source, target: f"values of type {source} cannot be converted to {target}"),
    (r"Value for attr '\w+' of (\w+) is not in the list.*NodeDef: \{\{node (\w+)\}\}",
     lambda kind, op: f"{op} does not take values of type {kind}"),
    (r"Value for attr '\w+' of (\w+) is not in the list",
     lambda kind: f"an operation does not take values of type {kind}"),
    (r"Value passed to parameter '\w+' has DataType (\w+) not in list",
     lambda kind: f"an operation does not take values of type {kind}"),
    (r"could not correctly convert string: (.*?)(?:\s*\[|\s*$)",
     lambda text: f"the text {text!r} is not a number"),
    (r"No OpKernel was registered to support Op '(\w+)'",
     lambda op: f"TensorFlow cannot compute {op} for these types on this device"),
    (r"(?:Could not find device for node|Cannot assign a device for operation).*?(\w+)\}?\}?[:=' ]",
     lambda op: f"TensorFlow cannot compute {op} for these types on this device"),
    (r"assertion failed: \[(.*?)\](?:\s*\[|\s*$)", lambda text: text.replace("\\", "")),
    (r"to be true\. Summarized data: b?'?(.*?)'?$", lambda text: text.replace("\\", "")),
)  # fmt: skip


def to_plain_message(error: BaseException) -> str:
    """Return the message of an error as one line, without TensorFlow's internal names."""
    line = _find_key_line(re.sub(INTERNAL_NAMES[0], "", str(error)))
    if message := _match_rule(error):
        return message
    for mark in INTERNAL_NAMES:
        line = re.sub(mark, r"\1" if mark.startswith(r"\{\{node") else " ", line)
    line = " ".join(line.split("{{")[0].split()).strip(" ;,.")
    return shorten(line) or type(error).__name__


def is_input_error(error: BaseException) -> bool:
    """Return whether the message shows that the input of the model caused the error."""
    return bool(_match_rule(error) or SHAPE_MESSAGES.search(str(error)))


def _match_rule(error: BaseException) -> str:
    """Return the message of the first rule that matches the error, "" if none does."""
    message = " ".join(re.sub(INTERNAL_NAMES[0], "", str(error)).split())
    for pattern, describe in RULES:
        if match := re.search(pattern, message):
            return describe(*match.groups()).strip(" .,;")
    return ""


def _find_key_line(text: str) -> str:
    """Return the line with the cause: the first, or the last for traced user code."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("in user code"):
        ends = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Warning)\b", line)]
        return re.sub(r"^([\w.]*\.|Value|Type|InvalidArgument)Error: ", "", (ends or lines)[-1])
    return next((line for line in lines if not CONTEXT_LINES.match(line)), "")


def shorten(line: str, limit: int = MAX_LETTERS) -> str:
    """Return a line of at most `limit` characters, cut between words."""
    if len(line) <= limit:
        return line
    head = line[: limit - 3]
    return head.rpartition(" ")[0].rstrip(" ,;:.") + " ..." if " " in head else head + "..."
