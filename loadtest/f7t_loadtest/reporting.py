"""Where a run's document goes: the one place that calls the reports."""

from __future__ import annotations

from pathlib import Path

from f7t_loadtest.model import Run

RESULTS = "results.json"


def write_all(run: Run, directory: Path) -> list[Path]:
    """Write `results.json` into `directory`, which is made if it is not there.

    Returns:
        Every file that was written.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    results = directory / RESULTS
    results.write_text(run.model_dump_json(indent=1) + "\n", "utf-8")
    return [results]
