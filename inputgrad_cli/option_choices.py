"""Lists the commands and the words that options accept, and escapes text; has no imports."""

LAYER = "layer:"  # prefix of a tap, the name of a layer's output
# The first sentences of the commands' own helps. They are repeated here because `--help` would
# otherwise import all commands, which takes as long as importing Click once more.
COMMANDS = {
    "saliency": (
        "Write what MODEL looks at in each INPUT: arrays and, for picture inputs, heatmaps."
    ),
    "optimize": (
        "Move each INPUT by its gradient until a goal is reached; write the result and its change."
    ),
    "inspect": "Show what MODEL takes and gives, and what saliency would do with it.",
    "methods": "List the methods; with NAME, show the parameters, paper and laws of one.",
    "render": "Draw the pictures of RUN again.",
    "report": "Write one HTML page of RUN, to open, mail, or keep with a build.",
    "verify": "List the files of RUN that are missing or modified.",
    "merge": "Join the results of saliency calls with --shard into one run.",
    "doctor": (
        "Show versions, devices, memory, cores and disk; exit with 4 if models cannot be opened."
    ),
}
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
ENGINES = ("local", "dask")


def to_printable(text: str) -> str:
    """Return text that is safe to display, with control characters and stray bytes escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )
