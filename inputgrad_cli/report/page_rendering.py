"""Fills the template of a report, with a policy under which it loads and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from inputgrad_cli.report.page_contents import Bars, Contents, Picture, Status, Tokens
from inputgrad_cli.report.static_item_cards import MAX_FAILURES, ItemView, list_failures
from inputgrad_cli.version import __version__

GENERATOR = f"inputgrad {__version__}"
MARK = '<meta name="generator" content="inputgrad '  # by which a report is known again
TEMPLATE, STYLE, SCRIPT = "template.html.j2", "report.css", "report.js"
DEFAULT_HEIGHT = 96  # of what is no picture, in a page without pictures
# Sources of the policy of a static page: it has no script, and its style is a file beside it.
NOTHING, BESIDE = "'none'", "'self'"


def read_part(name: str) -> str:
    """Return one of the files that a page is made of."""
    return files("inputgrad_cli.report").joinpath(name).read_text("utf-8")


@cache
def _load_environment() -> Environment:
    # `select_autoescape()` would not escape a template that is called .html.j2.
    return Environment(
        loader=FunctionLoader(read_part),
        autoescape=True,
        # A name that the template misspells must fail, not be left out.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def build_policy(style: str, script: str) -> str:
    """Return the content security policy; `style` and `script` are the sources allowed."""
    return (
        f"default-src 'none'; img-src data: 'self'; style-src {style}; script-src {script}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def hash_source(text: str) -> str:
    """Return the source that allows exactly this style or script."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@dataclass(frozen=True)
class PageLink:
    """A link to another page of the folder form."""

    href: str
    text: str
    is_current: bool


@dataclass(frozen=True)
class Pack:
    """The text of a `<template>` and its id."""

    id: str
    text: str


@dataclass(frozen=True)
class PageParts:
    """What differs between the pages of a report: `first` to before `last` are the items shown.

    A page with an index has the script; one without is static, and its style is a file. `legends`
    have the address of their picture with the texts of the legend.
    """

    first: int
    last: int
    legends: Sequence[Mapping[str, str]]
    notes: Sequence[str]
    hints: Sequence[str]
    height: int | None
    index: str = ""
    packs: Sequence[Pack] = ()
    pages: Sequence[PageLink] = ()


def render_page(view: ItemView, parts: PageParts) -> bytes:
    """Return one page of a report."""
    contents = view.contents
    css, js = read_part(STYLE), read_part(SCRIPT)
    is_single = bool(parts.index)
    policy = (
        build_policy(hash_source(css), hash_source(js))
        if is_single
        else build_policy(BESIDE, NOTHING)
    )
    values: dict[str, object] = {
        "policy": policy,
        "generator": GENERATOR,
        "css": css if is_single else "",
        "js": js if is_single else "",
        "height": parts.height or DEFAULT_HEIGHT,
        "has_bars": _has_wide_cells(contents),
        "columns": len(contents.columns),
        "title": contents.title,
        "introduction": contents.introduction,
        "counts": _format_counts(contents),
        "facts": contents.facts,
        "documents": contents.documents,
        "first": view.show_items(parts.first, parts.last),
        "left": len(contents.items) > parts.last - parts.first,
        "hints": parts.hints,
        "legends": parts.legends,
        "notes": parts.notes,
        "pages": parts.pages,
        "index": parts.index,
        "packs": parts.packs,
        **_list_failures(contents),
    }
    page: str = _load_environment().get_template(TEMPLATE).render(values)
    return page.encode()


def _has_wide_cells(contents: Contents) -> bool:
    """Return whether cards need room for names, words, or figures of several pictures."""
    bodies = (cell.body for item in contents.items for cell in item.cells)
    return contents.is_search or any(isinstance(body, (Bars, Tokens)) for body in bodies)


def _format_counts(contents: Contents) -> dict[str, str]:
    """Return the numbers of items by status; "" for none but for those that are done."""
    counts = {
        name: contents.count(s)
        for name, s in (
            ("failed", Status.FAILED),
            ("unmet", Status.UNMET),
            ("absent", Status.ABSENT),
        )
    }
    total = len(contents.items)
    done = total - counts["failed"] - counts["absent"]
    shown = {name: f"{count:,}" if count else "" for name, count in counts.items()}
    return {"all": f"{total:,}", "ok": f"{done:,}", **shown}


def _list_failures(contents: Contents) -> dict[str, object]:
    failures = list_failures(contents)
    return {
        "failures": failures[:MAX_FAILURES],
        "failures_left": max(0, len(failures) - MAX_FAILURES),
        "failures_open": contents.count(Status.OK) + contents.count(Status.UNMET) == 0,
    }


def has_pictures(contents: Contents) -> bool:
    """Return whether any cell of a report is a picture."""
    return any(isinstance(c.body, Picture) for item in contents.items for c in item.cells)
