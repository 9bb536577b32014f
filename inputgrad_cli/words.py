"""The closed lists of words that options take, in one place and free to import."""

COMMANDS = ("saliency", "inspect", "methods", "render", "doctor")
SPACES = ("auto", "logit", "probability", "output")
RESIZES = ("stretch", "crop", "pad", "none")
FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
PICTURES = ("overlay", "heatmap", "panel")
REDUCTIONS = ("sum", "l2", "max-abs", "mean-abs", "positive", "negative")
EXISTING = ("resume", "overwrite", "error")
PRECISIONS = ("float32", "model")
