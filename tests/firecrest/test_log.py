"""Log lines: one JSON object each, in ASCII whatever is in it."""

from __future__ import annotations

import json
import logging

import pytest

from f7t.log import JsonFormatter, request_id


@pytest.mark.parametrize("text", ["plain", 'quoted "\n\x1b', "Zürich €", "\udcff"])
def test_a_line_is_json_in_ascii(text: str) -> None:
    record = logging.LogRecord("f7t.access", logging.INFO, "", 1, text, None, None)
    record.__dict__["fields"] = {"path": text, "milliseconds": 1.5, "user": None}
    mark = request_id.set("r1")
    try:
        line = JsonFormatter().format(record)
    finally:
        request_id.reset(mark)
    assert line.isascii()
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "logger": "f7t.access",
        "message": text,
        "request_id": "r1",
        "path": text,
        "milliseconds": 1.5,
        "user": None,
    }
