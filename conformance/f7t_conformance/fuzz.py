"""The profile `fuzz`: requests generated from the contract, every answer held against it.

Two phases for each of its operations: `coverage` goes to the bounds of every parameter's schema
(absent, empty, wrong type, unexpected method), the same in every run; `random` draws values from a
seed. Every task that is announced is looked at once. What is sent is bounded by `confinement`.

An answer is a finding if the contract does not describe it, whatever was asked: undescribed status,
other media type, body or header than described, no answer. Schemathesis' further checks are not
used, and why:

* that invalid input is refused: most parameters are optional text, and the contract lets servers
  ignore what they do not understand (numbers of pages, flags, unknown parameters);
* that valid input is accepted: paths, jobs and reservations must exist, which no schema says;
* that a missing header is 4xx of a certain kind: the contract has a 400 of its own for it;
* that a method that is not described is 405: a gateway in front may answer 404 (§1), so only an
  answer of 5xx is a finding there.
"""

from __future__ import annotations

import secrets
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given
from hypothesis import seed as seeded
from hypothesis import settings as bounds
from schemathesis import Case, GenerationMode

from f7t_conformance import __version__
from f7t_conformance.api import Answer, Api, OutOfBudget, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.confinement import Confined, Generated, confined
from f7t_conformance.contract import document, schema
from f7t_conformance.ledger import Ledger
from f7t_conformance.model import Observation, Profile, Results
from f7t_conformance.redaction import redacted, without_secrets
from f7t_conformance.running import Plan

RANDOM_CASES = 12
"""Of each operation and of each kind, valid and invalid."""
MOST_JOBS = 20
_BOTH = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def generated(seed: int, number: int = RANDOM_CASES) -> Iterator[Generated]:
    """Everything that is asked, in the contract's order; the same for the same seed."""
    unexpected: set[tuple[str, str]] = set()
    for found in schema().get_all_operations():
        operation = found.ok()
        for case in _coverage(operation):
            place = (case.method, operation.path)
            if case.method.upper() != operation.method.upper():
                if place in unexpected:
                    continue
                unexpected.add(place)
            yield _plain(case, "coverage")
        for mode in _BOTH:
            for case in _random(operation, mode, seed, number):
                yield _plain(case, "random")


def perform(plan: Plan, seed: int, *, gate: bool = False) -> Results:
    """Ask everything and remove what was made.

    Args:
        plan: settings; its selection of requirements does not matter.
        seed: of the random phase.
        gate: whether a finding makes the run fail.

    Raises:
        Broken: the target is no FirecREST, or the identity does not work.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="f7t-conformance-") as folder:
        run = plan.run
        detected = plan.detected
        belongings = Belongings(
            run.api,
            f"{plan.settings.run or 'f7t-conformance'}-{secrets.token_hex(4)}",
            detected.base,
            min(plan.settings.budget.jobs, MOST_JOBS),
            Ledger(Path(folder), "fuzz"),
            partition=plan.settings.partition,
            account=plan.settings.account,
        )
        asking = _Asking(run.api.recording(), belongings)
        stopped = ""
        try:
            asking.furnish()
            for one in generated(seed):
                asking.ask(one)
        except OutOfBudget:
            stopped = "budget"
        except KeyboardInterrupt:
            stopped = "interrupted"
        finally:
            left = belongings.remove()
    return without_secrets(
        Results(
            suite=__version__,
            contract=str(document()["info"]["version"]),
            target=plan.settings.target,
            profile=Profile.FUZZ,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            seed=seed,
            capabilities=detected.capabilities,
            findings=(),
            observations=tuple(asking.observations.values()),
            asked=asking.asked,
            gate=gate,
            leftovers=tuple(left),
            complete=not stopped,
            stopped=stopped,
        )
    )


@dataclass
class _Asking:
    """Sends requests; keeps one observation of each kind."""

    api: Api
    belongings: Belongings
    asked: int = 0
    observations: dict[tuple[str, str], Observation] = field(default_factory=dict)
    _place: Place | None = None

    def furnish(self) -> None:
        """Make the files that valid requests are about."""
        place = self.belongings.place()
        place.write("file")
        Place(place.api, place.directory("directory")).write("inside")
        place.link("link", place / "file")
        self._place = place

    def ask(self, given: Generated) -> None:
        """One request, and its task if it announces one; jobs beyond the budget are not asked."""
        assert self._place is not None, "furnish comes first"
        script = self.belongings.script("true")
        request = confined(given, self._place.path, self.api.system, script)
        if request.submits:
            try:
                self.belongings.spend_job()
            except OutOfBudget:
                return
        self.asked += 1
        try:
            self._look_at_task(request, self._sent(request))
        except Unexpected as error:
            self._keep(request, error)

    def _sent(self, request: Confined) -> Answer:
        answer = self.api.call(
            request.method,
            request.path,
            query=request.query,
            form=request.form,
            files=request.files or None,
            headers=request.headers,
        )
        if answer.status >= 500:
            raise Unexpected("no 5xx, whatever is asked", answer.excerpt)
        return answer

    def _look_at_task(self, request: Confined, answer: Answer) -> None:
        if answer.status not in {200, 201} or b'"task_id"' not in answer.body:
            return
        body = answer.json
        task_id = str(body.get("task_id", "")) if isinstance(body, dict) else ""
        if not task_id:
            return
        if request.template.startswith("/storage/xfer-external"):
            self.belongings.own_transfer(task_id)
        task = self.api.get(f"/tasks/{task_id}").expect(200).json["task"]
        if request.submits:
            self.belongings.ledger.note("task", task_id)
            data = task.get("data")
            if isinstance(data, dict) and "jobid" in data:
                self.belongings.own_job(task)

    def _keep(self, request: Confined, error: Unexpected) -> None:
        operation = f"{request.method} {request.template}"
        kind = (operation, error.got.split("\n")[0][:80])
        known = self.observations.get(kind)
        if known is not None:
            self.observations[kind] = known.model_copy(update={"times": known.times + 1})
            return
        self.observations[kind] = Observation(
            operation=operation,
            phase=request.phase,
            expected=redacted(error.expected),
            got=redacted(error.got),
            exchange=self.api.exchanges[-1] if self.api.exchanges else None,
        )


def _coverage(operation: Any) -> Iterator[Case[Any]]:  # noqa: ANN401
    config = operation.schema.config.generation_for(operation=operation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from operation.schema.iter_coverage_cases(
            operation, generation_modes=_BOTH, generation_config=config
        )


def _random(
    operation: Any,  # noqa: ANN401
    mode: GenerationMode,
    seed: int,
    number: int,
) -> list[Case[Any]]:
    """Cases of one kind; none where the schema allows none, as any text is valid."""
    drawn: list[Case[Any]] = []

    @seeded(seed)
    @bounds(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def draw(case: Case[Any]) -> None:
        drawn.append(case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            draw()
        except Exception as error:
            if type(error).__name__ not in {"Unsatisfiable", "SkipTest"}:
                raise
    return drawn[:number]


def _plain(case: Case[Any], phase: str) -> Generated:
    return Generated(
        case.method.upper(),
        case.operation.path,
        phase,
        _mapping(case.path_parameters),
        _mapping(case.query),
        _mapping(case.headers),
        _mapping(case.body),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else {}
