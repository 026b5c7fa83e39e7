"""A strict walk over a page: every tag closed in order, ids unique, tables with scoped headers."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "input", "br"}
OUTSIDE = {"src", "srcset", "data", "action", "onclick", "onload", "style"}


class Walk(HTMLParser):
    """Collects text, links and ids; raises AssertionError where the tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.languages: list[str] = []
        self._texts: dict[str, list[str]] = {"": [], "ja": [], "en": []}
        self._article = ""
        self.feed(page)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"<{tag}> repeats an attribute"
        assert not OUTSIDE & found.keys(), f"<{tag}> has {OUTSIDE & found.keys()}"
        assert tag != "th" or found.get("scope") in ("row", "col"), "a header without scope"
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        if tag == "article":
            self._article = found["lang"] or ""
            self.languages.append(self._article)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()
        self._article = "" if tag == "article" else self._article

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self._texts[self._article].append(data)

    def text(self, language: str) -> str:
        """All text of one language's article, with single spaces."""
        return " ".join(" ".join(self._texts[language]).split())
