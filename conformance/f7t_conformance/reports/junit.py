"""`junit.xml`: what continuous integration shows; an id is a name, an area a class."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from f7t_conformance.model import Finding, Requirement, Results, Status
from f7t_conformance.reports.wording import particulars

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Results) -> str:
    """The document, as text.

    A waived failure is skipped and says why; a SHOULD that is not kept passes with a note, as
    JUnit knows no warning; what an incomplete run did not come to is skipped.
    """
    known = {one.id: one for one in results.requirements}
    unchecked = () if results.complete else results.unchecked
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"FirecREST v1 {results.profile.value}"),
        tests=str(len(results.findings) + len(unchecked)),
        failures=str(results.count(Status.FAIL)),
        errors=str(results.count(Status.ERROR)),
        skipped=str(results.count(Status.SKIP) + results.count(Status.WAIVED) + len(unchecked)),
        time=f"{results.seconds:.3f}",
        timestamp=results.started,
        hostname=_clean(results.target),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("suite", results.suite),
        ("contract", results.contract),
        ("certified", str(results.summary.certified).lower()),
        ("complete", str(results.complete).lower()),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=_clean(value))
    for finding in results.findings:
        _case(suite, finding, known.get(finding.id))
    for one in unchecked:
        case = ElementTree.SubElement(suite, "testcase", classname=one.area, name=one.id, time="0")
        ElementTree.SubElement(case, "skipped", message=f"not run: {results.stopped}")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, finding: Finding, one: Requirement | None) -> None:
    area = finding.id.split("-")[1]
    case = ElementTree.SubElement(
        suite, "testcase", classname=area, name=finding.id, time=f"{finding.seconds:.3f}"
    )
    text = _clean(particulars(finding, one))
    told = _clean(f"expected {finding.expected}; got {finding.got}")
    match finding.status:
        case Status.FAIL:
            ElementTree.SubElement(case, "failure", message=told).text = text
        case Status.ERROR:
            ElementTree.SubElement(case, "error", message=_clean(finding.reason)).text = text
        case Status.SKIP:
            ElementTree.SubElement(case, "skipped", message=_clean(finding.reason))
        case Status.WAIVED:
            message = _clean(f"waived: {finding.reason}")
            ElementTree.SubElement(case, "skipped", message=message).text = text
        case Status.WARN:
            ElementTree.SubElement(case, "system-out").text = f"not kept, but no MUST\n{text}"
        case Status.PASS:
            pass


def _clean(text: str) -> str:
    """XML has no way to write some characters; they become visible escapes."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
