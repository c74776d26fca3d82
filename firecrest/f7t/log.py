"""Structured logs: one JSON object a line on standard error, with the request's id."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar

from f7t.as_json import as_json, plain

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request that is being served in this context, empty outside requests."""


class JsonFormatter(logging.Formatter):
    """Renders `time`, `level`, `logger`, `message`, `request_id` and whatever `fields` holds."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = as_json(line)
        # Standard error need not take more than ASCII.
        return text.decode() if text.isascii() else json.dumps(line, default=plain)


def configure_logging(level: str) -> None:
    """Send everything of `level` and above to standard error as JSON lines."""
    # Nobody prints where a line was logged, nor by which thread: not looked up (logging HOWTO,
    # "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
