"""`badge.json`: the endpoint form of shields, for a picture in a README."""

from __future__ import annotations

import json

from f7t_conformance.model import Results, Status


def badge(results: Results) -> str:
    """The document, as text."""
    passed = results.count(Status.PASS)
    asked = sum(results.count(one) for one in Status if one is not Status.SKIP)
    colour = {"pass": "green", "fail": "red", "error": "orange"}[results.verdict]
    message = f"{passed}/{asked}"
    if results.summary.certified:
        message, colour = f"certified {message}", "brightgreen"
    elif not results.complete:
        message, colour = f"incomplete {message}", "lightgrey"
    document = {
        "schemaVersion": 1,
        "label": f"FirecREST v1 {results.profile.value}",
        "message": message,
        "color": colour,
        "isError": results.verdict == "error",
    }
    return json.dumps(document, indent=1) + "\n"
