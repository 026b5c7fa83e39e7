"""XML out and in, as much of it as bank messages need.

Out: ``Element`` trees become UTF-8 with a declaration, two spaces a level and line feeds: one
spelling, so that the same tree gives the same bytes.

In: ``read_xml`` takes bytes from outside into the same trees. It refuses any document type, hence
every entity and every address to fetch; it bounds size, depth and count; names lose their prefix
and keep their namespace. It is total: MalformedPaymentFile or TooLarge, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from ledger.errors import Fault, MalformedPaymentFile, TooLarge

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
DEPTH_MAX: Final = 32
ELEMENTS_MAX: Final = 2_000_000
_SEPARATOR: Final = "\x1f"


@dataclass(slots=True)
class Element:
    """An element: its name without prefix, its text or its children, its place in the file."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)
    attributes: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    line: int = 0

    def all(self, *path: str) -> Iterator[Element]:
        """Every element at a path of names below this one, in the order of the file."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> Element | None:
        """The first element at a path, if there is one."""
        return next(self.all(*path), None)

    def value(self, *path: str) -> str:
        """The text of the first element at a path, without white space around it; "" if none."""
        found = self.first(*path)
        return "" if found is None else found.text.strip()


def node(name: str, *content: str | Element | None, **attributes: str) -> Element:
    """An element of a text or of children; None among them is left out."""
    text = "".join(part for part in content if isinstance(part, str))
    children = [part for part in content if isinstance(part, Element)]
    return Element(name, text, children, attributes)


def write_xml(root: Element, namespace: str) -> bytes:
    """The document whose elements are all in one namespace."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _write(root, {"xmlns": namespace, **root.attributes}, 0, lines)
    return ("\n".join(lines) + "\n").encode()


def _write(element: Element, attributes: Mapping[str, str], depth: int, lines: list[str]) -> None:
    indent = "  " * depth
    given = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    head = f"{indent}<{element.name}{given}>"
    if not element.children:
        lines.append(f"{head}{escape(element.text)}</{element.name}>")
        return
    lines.append(head)
    for child in element.children:
        _write(child, child.attributes, depth + 1, lines)
    lines.append(f"{indent}</{element.name}>")


def read_xml(data: bytes) -> Element:
    """The root of a document from outside."""
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(f"the file has {len(data)} bytes, the limit is {FILE_BYTES_MAX}")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise _malformed(f"not well-formed XML: {reason}", f"line {error.lineno}") from error
    except (ValueError, LookupError) as error:  # an encoding that the declaration names
        raise _malformed("an encoding that is not read; use UTF-8", "line 1") from error
    return reader.root


class _Reader:
    """Handlers of one parse; ``root`` is there when it went through."""

    def __init__(self) -> None:
        self.parser: Any = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self.root = Element("")
        self._open: list[Element] = []
        self._count = 0
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _doctype(self, *_: Any) -> None:
        where = f"line {self.parser.CurrentLineNumber}"
        raise _malformed("a document type is declared; bank messages have none", where)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        line = self.parser.CurrentLineNumber
        element = Element(local, "", [], attributes, namespace, line)
        self._count += 1
        if self._count > ELEMENTS_MAX:
            raise TooLarge(f"the file has more than {ELEMENTS_MAX} elements")
        if len(self._open) >= DEPTH_MAX:
            raise _malformed(f"nested deeper than {DEPTH_MAX} levels", f"line {line}")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text


def _malformed(message: str, where: str) -> MalformedPaymentFile:
    fault = Fault(where, MalformedPaymentFile.code, message)
    return MalformedPaymentFile(f"{message} ({where})", faults=(fault,))
