"""All mutants by name, and the healthy server that goes the same way."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.mutants import answers, files, listings, transfers, work
from tests.conformance.mutants.altering import Altered
from tests.conformance.mutants.model import Mutant

CONTROL = Mutant("control", "no fault, served through the same layer", Altered, ())

ALL: tuple[Mutant, ...] = (
    *answers.MUTANTS,
    *listings.MUTANTS,
    *files.MUTANTS,
    *work.MUTANTS,
    *transfers.MUTANTS,
)

MUTANTS: Mapping[str, Mutant] = {one.name: one for one in ALL}
