"""Reads a page as a browser does, as far as the tests need it."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of each kind of element."""

    def __init__(self, data):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], {}, []
        self.html = data.decode("utf-8")
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "link", "input", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def list_attributes(self, tag, name):
        """Return the values of an attribute of all elements of a kind."""
        return [attrs[name] for kind, attrs in self.elements if kind == tag and name in attrs]

    @property
    def policy(self):
        """Return the directives of the content security policy, by name."""
        (text,) = [attrs["content"] for tag, attrs in self.elements if "http-equiv" in attrs]
        return {words[0]: words[1:] for words in (part.split() for part in text.split(";"))}

    @property
    def index(self):
        """Return the index that the script reads."""
        text = re.search(r'id="index">([^<]*)<', self.html)[1]
        return json.loads(gzip.decompress(base64.b64decode(text)))

    def read_pack(self, name):
        """Return the text of a template."""
        match = re.search(rf'<template id="{name}">([^<]*)</template>', self.html)
        return match[1] if match else ""

    def read_cell(self, cell):
        """Return what a cell of the first pack shows: bytes of WebP, or a JSON object."""
        lengths = self.index["length"]
        start = sum(lengths[:cell])
        data = base64.b64decode(self.read_pack("p0")[start : start + lengths[cell]])
        return data if data.startswith(b"RIFF") else json.loads(gzip.decompress(data))
