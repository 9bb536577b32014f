"""How long pictures take that are drawn for every map, beside a budget and plain matplotlib."""

import io
import time

import numpy as np

SIDE = 224
PANEL = 0.080  # seconds
METHODS, CLASSES = 2, 8  # of a grid of two methods for two targets, and of a strip of all classes
# A grid may take as long as a panel of each of its maps, for which it stands. The tiles of a strip
# have one colour bar, so it may take as long as the three tiles of a panel do for each three.
BUDGETS = {
    **dict.fromkeys(("overlay", "contours", "percentile"), 0.010),
    "panel": PANEL,
    "grid": METHODS**2 * PANEL,
    "class-strip": (CLASSES + 1) / 3 * PANEL,
}
CALLS = 10  # of which the quickest counts, because others use the processor as well


def build_sources(kind):
    """Return noisy maps of a picture, which compress no better than real ones."""
    from inputgrad_cli.data.pictures.caption import Caption
    from inputgrad_cli.data.pictures.map_source import ClassView, MapSource

    rng = np.random.default_rng(0)
    count = {"grid": METHODS**2, "class-strip": CLASSES}.get(kind, 1)
    captions = tuple(
        Caption(
            ("gradient", "grad-cam")[index // METHODS % METHODS],
            *(f"top{index + 1}", "logit", 9.71, "tabby cat"),
            probability=0.98,
            item="a.png",
            class_index=index,
        )
        for index in range(count)
    )
    seen = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    maps = rng.standard_normal((count, SIDE, SIDE, 3)).astype("f4")
    if kind == "class-strip":
        classes = ClassView(captions, maps, hidden=2)
        return [MapSource(maps[0], seen, captions[0], classes=classes)]
    return [MapSource(values, seen, each) for values, each in zip(maps, captions, strict=True)]


def draw_ours(kind, sources):
    """Draw a picture of this kind as a run does."""
    from inputgrad_cli.data.pictures.picture_style import Style
    from inputgrad_cli.interfaces.picture import class_pictures
    from inputgrad_cli.rendering import pictures

    style = Style() if kind == "class-strip" else Style(kind=kind)
    if kind == "grid":
        return pictures.get(kind)().draw_together(sources, style).png
    registry = class_pictures if kind == "class-strip" else pictures
    return registry.get(kind)().draw(sources, style)[0].png


def draw_theirs(kind, sources):
    """Draw the same with pyplot's own functions, as most scripts do."""
    if kind in ("grid", "class-strip"):
        return _draw_maps(kind, sources)
    return _draw_map(kind, sources[0])


def _draw_maps(kind, sources):
    """Draw several maps beside the input: each with a colour bar, or all with one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    is_strip = kind == "class-strip"
    maps = sources[0].classes.values if is_strip else [source.values for source in sources]
    heats, seen = [values.sum(axis=-1) for values in maps], sources[0].background
    limit = max(np.percentile(np.abs(heat), 99) for heat in heats)
    rows, columns = (1, CLASSES + 1) if is_strip else (METHODS, METHODS + 1)
    figure = Figure(figsize=(columns * 3.4, rows * 3.4), dpi=110)
    axes = np.atleast_2d(figure.subplots(rows, columns))
    axes[0, 0].imshow(seen)
    for axis, heat in zip(axes[:, 1:].flat, heats, strict=True):
        axis.imshow(seen.mean(axis=-1), cmap="gray")
        image = axis.imshow(heat, alpha=0.5, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.set_title("gradient\ntabby cat, logit 9.71")
        if not is_strip:
            figure.colorbar(image, ax=axis)
    if is_strip:
        figure.colorbar(image, ax=list(axes.flat))
    for axis in axes.flat:
        axis.set_axis_off()
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()


def _draw_map(kind, source):
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
    sources, taken = build_sources(kind), []
    draw(kind, sources)  # imports and fonts come first
    for _ in range(CALLS):
        began = time.perf_counter()
        draw(kind, sources)
        taken.append(time.perf_counter() - began)
    return min(taken)


def compare_with_budget(kind, rounds):
    """Return pairs of a picture's seconds and of what they may be."""
    return [(measure(draw_ours, kind), BUDGETS[kind]) for _ in range(rounds)]


def compare_with_matplotlib(kind, rounds):
    """Return pairs of a picture's seconds and of matplotlib's."""
    return [(measure(draw_ours, kind), measure(draw_theirs, kind)) for _ in range(rounds)]
