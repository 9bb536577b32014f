"""Lists the words that options accept, and escapes text for display; has no imports."""

LAYER = "layer:"  # prefix of a tap, the name of a layer's output
COMMANDS = (
    *("saliency", "optimize", "inspect", "methods", "render", "report", "verify", "merge"),
    "doctor",
)
TARGETS = (
    *("auto", "top1", "top:", "class:", "unit:", "all", "margin:", "sum", "mean", "max", "norm"),
    *("mask:", "loss:", "file:", LAYER),
)
SPACES = ("auto", "logit", "probability", "output")
RESIZES = ("stretch", "crop", "pad", "none")
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
REDUCTIONS = ("sum", "l2", "max-abs", "mean-abs", "positive", "negative")
SHOWN = (  # what a map may be shown as
    *("image", "bars", "signal", "sound", "spectrogram", "text", "logo", "volume", "video"),
    "strip",
)
EXISTING = ("resume", "overwrite", "error")
PRECISIONS = ("float32", "model")


def to_printable(text: str) -> str:
    """Return text that is safe to display, with control characters and stray bytes escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
