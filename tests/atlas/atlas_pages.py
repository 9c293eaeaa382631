"""HTML as a tree, read with the standard library alone, and what tests ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Node:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, name: str) -> list[Node]:
        return [node for node in self.walk() if node.name == name]

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("document")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"attribute given twice in <{tag}>"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(path: Path) -> Node:
    """The page as a tree; fails where tags are not closed in order."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert len(reader.open) == 1, f"{path.name} leaves {[n.name for n in reader.open]} open"
    return reader.root


def pages(folder: Path) -> dict[str, Node]:
    """Every page below ``folder`` by its path."""
    return {str(path.relative_to(folder)): parse(path) for path in sorted(folder.rglob("*.html"))}


def table(page: Node, class_: str, times: int = 1) -> list[list[str]]:
    """Rows of the body of the table with a class, as the text of their cells; the first of ``times`` such tables."""
    found = [t for t in page.all("table") if class_ in t.classes]
    assert len(found) == times, f"{len(found)} tables are called {class_}"
    body = found[0].all("tbody")[0]
    return [
        [re.sub(r"[ \n]+", " ", cell.text).strip(" ") for cell in row.children if isinstance(cell, Node)]
        for row in body.all("tr")
    ]
