"""Log lines: one JSON object per line on standard error. No secret, password or token ever."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_EXTRA = ("grant", "client", "port", "kid")


class JsonLines(logging.Formatter):
    """A log record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": "identity",
            "message": record.getMessage(),
        }
        line.update({key: getattr(record, key) for key in _EXTRA if hasattr(record, key)})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logs() -> None:
    """Send this package's log and the server's warnings to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("f7t_identity").setLevel(logging.INFO)
