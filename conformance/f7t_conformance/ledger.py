"""What the processes of one run share: a folder with what they made and what they may still do."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel

from f7t_conformance.capabilities import Detected

FOLDER_VARIABLE = "F7T_CONFORMANCE_FOLDER"
_JOURNAL = ".journal"

Kind = Literal["job", "task", "directory", "transfer"]
"""`task` is a submission whose job is not known yet."""


class _Shared(BaseModel):
    """What the controlling process tells its workers.

    Attributes:
        ends: seconds since the epoch after which no check may ask anything.
    """

    detected: Detected
    ends: float


@dataclass(frozen=True)
class Ledger:
    """One process's side of the folder.

    Attributes:
        folder: of the run; exists.
        process: of this worker, e.g. `gw0`; unique in the run.
    """

    folder: Path
    process: str

    @classmethod
    def of_this_process(cls) -> Ledger:
        """In the folder of the controlling process; in one of its own where there is none."""
        folder = os.environ.get(FOLDER_VARIABLE) or tempfile.mkdtemp(prefix="f7t-conformance-")
        return cls(Path(folder), os.environ.get("PYTEST_XDIST_WORKER", "main"))

    def note(self, kind: Kind, what: str) -> None:
        """Remember that this was made; another process can read it when this one was killed."""
        with (self.folder / (self.process + _JOURNAL)).open("a", encoding="utf-8") as journal:
            journal.write(f"{kind} {what}\n")

    def settle(self) -> None:
        """This process has tried to remove all of its own and told what is left."""
        (self.folder / (self.process + _JOURNAL)).unlink(missing_ok=True)

    def unsettled(self) -> Iterator[tuple[Kind, str]]:
        """What processes made that ended before they could remove it."""
        for journal in sorted(self.folder.glob("*" + _JOURNAL)):
            for line in journal.read_text("utf-8").splitlines():
                kind, _, what = line.partition(" ")
                yield cast(Kind, kind), what

    def spend_job(self, limit: int) -> bool:
        """Count one more job of the whole run; False if it would be more than `limit`."""
        for turn in range(limit):
            try:
                (self.folder / f"job-{turn}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False

    def share(self, detected: Detected, seconds: float) -> None:
        """Tell the workers what was detected, and that the run may last so long from now on."""
        shared = _Shared(detected=detected, ends=time.time() + seconds)
        self._shared.write_text(shared.model_dump_json(), "utf-8")

    def detected(self) -> Detected | None:
        """What the controlling process detected; None if there is none."""
        return self._read().detected if self._shared.is_file() else None

    def seconds_left(self, otherwise: float) -> float:
        """Until the run's time is used up; `otherwise` without a controlling process."""
        return self._read().ends - time.time() if self._shared.is_file() else otherwise

    @property
    def _shared(self) -> Path:
        return self.folder / "shared.json"

    def _read(self) -> _Shared:
        return _Shared.model_validate_json(self._shared.read_text("utf-8"))
