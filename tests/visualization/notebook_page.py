"""Reads HTML of a notebook's answer, and refuses what it must not have."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {"div", "p", "b", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "span"}


class Reader(HTMLParser):
    """Collects texts and checks that tags are allowed, closed and without links or scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[list[str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert {name for name, _ in attrs} <= {"style", "class", "title", "border"}, attrs
        self.open.append(tag)
        if tag == "tr":
            self.cells.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1].append(data)


def read(page: str) -> Reader:
    """The texts and the cells of tables; an AssertionError for a page that is not plain."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    page.encode("utf-8")
    return reader
