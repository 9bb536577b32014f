"""How long pictures take that are drawn for every map, beside a budget and plain matplotlib."""

import io
import time

import numpy as np

SIDE = 224
BUDGETS = {"overlay": 0.010, "contours": 0.010, "percentile": 0.010, "panel": 0.080}  # seconds
CALLS = 10  # of which the quickest counts, because others use the processor as well


def build_source():
    """Return a noisy map of a picture, which compresses no better than a real one."""
    from inputgrad_cli.data.pictures.caption import Caption
    from inputgrad_cli.interfaces.picture import MapSource

    rng = np.random.default_rng(0)
    caption = Caption(
        "gradient", "auto", "logit", 9.71, "tabby cat", probability=0.98, item="a.png"
    )
    seen = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    return MapSource(rng.standard_normal((SIDE, SIDE, 3)).astype("f4"), seen, caption)


def draw_ours(kind, source):
    """Draw a picture of this kind as a run does."""
    from inputgrad_cli.data.pictures.picture_style import Style
    from inputgrad_cli.rendering import pictures

    return pictures.get(kind)().draw([source], Style(kind=kind))[0].png


def draw_theirs(kind, source):
    """Draw the same with pyplot's own functions, as most scripts do."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heat, grey = source.values.sum(axis=-1), source.background.mean(axis=-1)
    limit = np.percentile(np.abs(heat), 99)
    shown = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    columns = 3 if kind == "panel" else 1
    figure = Figure(figsize=(columns * 3.4, 3.4), dpi=110)
    axes = np.atleast_1d(figure.subplots(1, columns))
    axes[-1].imshow(grey, cmap="gray")
    if kind == "contours":
        axes[-1].contour(heat, levels=[-limit / 2, limit / 2])
    image = axes[-1].imshow(heat, alpha=0.5, **shown)
    if kind == "panel":
        axes[0].imshow(source.background)
        axes[1].imshow(heat, **shown)
        figure.colorbar(image, ax=list(axes))
        figure.suptitle("gradient: tabby cat")
    for axis in axes:
        axis.set_axis_off()
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()


def measure(draw, kind):
    """Return the seconds that the quickest of some calls takes."""
    source, taken = build_source(), []
    draw(kind, source)  # imports and fonts come first
    for _ in range(CALLS):
        began = time.perf_counter()
        draw(kind, source)
        taken.append(time.perf_counter() - began)
    return min(taken)


def compare_with_budget(kind, rounds):
    """Return pairs of a picture's seconds and of what they may be."""
    return [(measure(draw_ours, kind), BUDGETS[kind]) for _ in range(rounds)]


def compare_with_matplotlib(kind, rounds):
    """Return pairs of a picture's seconds and of matplotlib's."""
    return [(measure(draw_ours, kind), measure(draw_theirs, kind)) for _ in range(rounds)]
