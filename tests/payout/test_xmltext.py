"""XML that is written is what was meant, by the standard library's reader and by ours."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from ledger.payout.xmltext import Element, node, read_xml, write_xml

TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc", "Cn"]))
NAMES = st.sampled_from(["Nm", "Id", "Amt"])
TREES = st.recursive(
    st.builds(lambda name, text, value: node(name, text, Ccy=value), NAMES, TEXTS, TEXTS),
    lambda inner: st.builds(
        lambda name, children: node(name, *children), NAMES, st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def shape(element):
    """Name, text of a leaf, attributes, children; white space between elements means nothing."""
    children = tuple(shape(child) for child in element.children)
    return element.name, "" if children else element.text, dict(element.attributes), children


def shape_of_library(element):
    children = tuple(shape_of_library(child) for child in element)
    name = element.tag.removeprefix("{urn:x}")
    return name, "" if children else element.text or "", dict(element.attrib), children


@given(TREES)
def test_what_is_written_is_read_again(tree):
    data = write_xml(tree, "urn:x")
    assert shape(read_xml(data)) == shape_of_library(ET.fromstring(data)) == shape(tree)
    assert read_xml(data).namespace == "urn:x"


def test_elements_are_found_by_their_path():
    tree = node("a", node("b", node("c", " 1 ")), node("b", node("c", "2")), None)
    assert [found.text for found in tree.all("b", "c")] == [" 1 ", "2"]
    assert (tree.value("b", "c"), tree.value("x"), tree.first("b", "x")) == ("1", "", None)
    assert isinstance(tree.first("b"), Element)
