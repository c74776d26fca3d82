"""What is written of a run, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from f7t_loadtest.model import Run
from f7t_loadtest.redaction import without_secrets
from f7t_loadtest.reports.page import page
from f7t_loadtest.reports.tables import operations_csv, timeline_csv

RESULTS = "results.json"


class Unreadable(Exception):
    """A file holds no results of a load test; the message says why."""


def rendered(run: Run) -> Mapping[str, str]:
    """File name to content of every report; none holds a secret."""
    shown = without_secrets(run)
    return {
        RESULTS: shown.model_dump_json(indent=1) + "\n",
        "report.html": page(shown),
        "operations.csv": operations_csv(shown),
        "timeline.csv": timeline_csv(shown),
    }


def write(run: Run, directory: Path) -> list[Path]:
    """Write every report; each file is there whole or not at all. The paths written.

    Raises:
        OSError: the directory cannot be made or written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in rendered(run).items():
        part = directory / f".{name}.part"
        part.write_text(text, "utf-8")
        written.append(part.replace(directory / name))
    return written


def read(path: Path) -> Run:
    """The run of a file, or of the `results.json` in a directory.

    Raises:
        Unreadable: it is not there, no JSON, or of another form or version.
    """
    file = path / RESULTS if path.is_dir() else path
    try:
        return Run.model_validate_json(file.read_bytes())
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise Unreadable(
            f"{file} holds no results of a load test: {where}: {first['msg']}"
        ) from None
