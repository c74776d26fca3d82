"""The little XML that S3 speaks: rendering answers and reading request documents."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.sax.saxutils import escape

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# XML 1.0 cannot carry these characters even escaped. Clients that may meet them in keys ask
# for encoding-type=url; the others get the replacement character, as from MinIO.
_UNREPRESENTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Xml(str):
    """Markup that is already escaped, as opposed to text."""

    __slots__ = ()


def text(value: str) -> Xml:
    """`value` escaped for element content; tab and line ends survive the reader's clean-up."""
    clean = _UNREPRESENTABLE.sub("\ufffd", value)
    return Xml(escape(clean, {'"': "&#34;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"}))


def element(name: str, *content: Xml | str | int | None, namespace: str = "") -> Xml:
    """One element; `None` is left out, plain strings and numbers become escaped text."""
    inner = "".join(
        part if isinstance(part, Xml) else text(str(part)) for part in content if part is not None
    )
    attribute = f' xmlns="{namespace}"' if namespace else ""
    return Xml(f"<{name}{attribute}>{inner}</{name}>")


def document(root: Xml) -> bytes:
    """A complete document as UTF-8."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


class MalformedDocument(ValueError):
    """The request body is not the XML document it should be."""


def parse(body: bytes, root_name: str) -> ElementTree.Element:
    """The root element of `body` with all namespaces removed.

    Raises MalformedDocument for anything that is not well formed, has another root, or carries
    a document type (no S3 client sends one; it is only the way to entity tricks).
    """
    try:
        source = body.decode("utf-8-sig")
        if "<!DOCTYPE" in source:
            raise MalformedDocument("document types are not accepted")
        root = ElementTree.fromstring(source)
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        raise MalformedDocument(str(error)) from error
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    if root.tag != root_name:
        raise MalformedDocument(f"expected {root_name}, got {root.tag}")
    return root


def child_text(node: ElementTree.Element, name: str) -> str | None:
    """The text of the only child called `name`, None without one.

    Raises MalformedDocument if the child occurs more than once or has children of its own.
    """
    found = node.findall(name)
    if not found:
        return None
    if len(found) > 1 or len(found[0]):
        raise MalformedDocument(f"{name} must be one plain value")
    return found[0].text or ""
