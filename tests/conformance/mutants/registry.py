"""All mutants by name, and the healthy server that goes the same way."""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance.mutants import answers, files, work
from tests.conformance.mutants.altering import Altered
from tests.conformance.mutants.model import Mutant

CONTROL = Mutant("control", "no fault, served through the same layer", Altered, ())

MUTANTS: Mapping[str, Mutant] = {
    one.name: one for one in (*answers.MUTANTS, *files.MUTANTS, *work.MUTANTS)
}
