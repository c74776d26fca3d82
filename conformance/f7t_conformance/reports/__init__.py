"""What is written of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from f7t_conformance.model import Results
from f7t_conformance.redaction import without_secrets
from f7t_conformance.reports.badge import badge
from f7t_conformance.reports.junit import junit
from f7t_conformance.reports.page import page

RESULTS = "results.json"


class Unreadable(Exception):
    """A file is no results of this suite; the message says why."""


def rendered(results: Results) -> Mapping[str, str]:
    """File name to content of every report; none holds a secret."""
    shown = without_secrets(results)
    return {
        RESULTS: shown.model_dump_json(indent=1) + "\n",
        "junit.xml": junit(shown),
        "report.html": page(shown),
        "badge.json": badge(shown),
    }


def write(results: Results, folder: Path) -> None:
    """Write every report; each file is there whole or not at all.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered(results).items():
        part = folder / f".{name}.part"
        part.write_text(text, "utf-8")
        part.replace(folder / name)


def read(path: Path) -> Results:
    """Results of a file, or of the `results.json` in a folder.

    Raises:
        Unreadable: it is not there, no JSON, or of another form or version.
    """
    file = path / RESULTS if path.is_dir() else path
    try:
        return Results.model_validate_json(file.read_bytes())
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise Unreadable(f"{file} is no results of this suite: {where}: {first['msg']}") from None
