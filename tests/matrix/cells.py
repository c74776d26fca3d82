"""The cells of the matrix, and why one cannot be run on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from f7t_testbuild.images import catalogue, engine
from f7t_testbuild.images.catalogue import SLURM_BASES
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.packages import find_program
from f7t_testbuild.runtime import RuntimeName

REAL = "real"
EMBEDDED = "embedded"


@dataclass(frozen=True)
class Cell:
    """One kind of testbuild; `identity` and `store` are `real` or `embedded`."""

    runtime: str
    slurm: str
    identity: str
    store: str

    def __str__(self) -> str:
        keycloak = "Keycloak" if self.identity == REAL else "embedded issuer"
        minio = "MinIO" if self.store == REAL else "embedded store"
        return f"{self.runtime}, Slurm {self.slurm}, {keycloak}, {minio}"

    @property
    def kinds(self) -> tuple[Identity, Store]:
        """The images or programs of this machine that stand for real and embedded."""
        identity = {EMBEDDED: Identity.EMBEDDED, REAL: Identity.KEYCLOAK_FROM_MAVEN}
        store = {EMBEDDED: Store.EMBEDDED, REAL: Store.MINIO_FROM_SOURCE}
        if self.runtime == RuntimeName.DOCKER:
            if engine.find(catalogue.keycloak().tag):
                identity[REAL] = Identity.KEYCLOAK
            if engine.find(catalogue.official_minio()):
                store[REAL] = Store.MINIO
        return identity[self.identity], store[self.store]


def all_cells() -> list[Cell]:
    """Every combination, the quick ones first."""
    kinds = (EMBEDDED, REAL)
    return [
        Cell(runtime, slurm, identity, store)
        for runtime, slurm, identity, store in product(
            (RuntimeName.DOCKER.value, RuntimeName.NATIVE.value), SLURM_BASES, kinds, kinds
        )
    ]


def reason_against(cell: Cell) -> str | None:
    """Why a cell cannot be run here; None if it can."""
    against: Callable[[Cell], str | None] = (
        _against_docker if cell.runtime == RuntimeName.DOCKER else _against_native
    )
    return against(cell)


def _against_docker(cell: Cell) -> str | None:
    try:
        engine.require_engine()
    except engine.EngineAbsent as absence:
        return f"no Docker engine answers ({absence})"
    identity, store = cell.kinds
    wanted = [
        catalogue.cluster(cell.slurm).tag,
        catalogue.identity_image(identity),
        catalogue.store_image(store),
    ]
    absent = [tag for tag in wanted if engine.find(tag) is None]
    return f"not built here: {', '.join(absent)} (make images)" if absent else None


def _against_native(cell: Cell) -> str | None:
    installed = _installed_release()
    if installed is None:
        return "Slurm is not installed (make packages)"
    if cell.slurm != installed:
        return f"natively this machine has Slurm {installed}"
    tools = {"mvn": cell.identity, "java": cell.identity, "go": cell.store}
    absent = [tool for tool, kind in tools.items() if kind == REAL and shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def _installed_release() -> str | None:
    program = find_program("slurmctld")
    if program is None:
        return None
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d\d\.\d\d", said)
    return found[0] if found else None


def few(cells: Iterable[Cell]) -> list[Cell]:
    """A small choice in which every value of each kind comes up with each runtime."""

    def values(cell: Cell) -> set[tuple[str, str, str]]:
        shown = {"slurm": cell.slurm, "identity": cell.identity, "store": cell.store}
        return {(cell.runtime, name, value) for name, value in shown.items()}

    left: Sequence[Cell] = list(cells)
    wanted = {value for cell in left for value in values(cell)}
    chosen: list[Cell] = []
    while wanted:
        best = max(left, key=lambda cell: len(values(cell) & wanted))
        chosen.append(best)
        wanted -= values(best)
    return chosen
