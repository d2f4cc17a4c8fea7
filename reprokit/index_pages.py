"""The links of an index page (PEP 503)."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin


def links(text: str, page: str) -> Iterator[str]:
    """The absolute addresses that a page leads to, with their fragments.

    text: its HTML. page: its own address.
    """
    reader = _Links()
    reader.feed(text)
    base = urljoin(page, reader.base)
    return (urljoin(base, link) for link in reader.found)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base, self.found = "", list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs).get("href")
        if link and tag == "a":
            self.found.append(link)
        elif link and tag == "base":
            self.base = link
