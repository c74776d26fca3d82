"""What the suite talks about: requirements, and what was found of each."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

Identifier = Annotated[
    str, Field(pattern=r"^F7T-(AUTH|ERR|STAT|UTIL|JOB|TASK|XFER|RSV|SEC|TUT)-\d{3}$")
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Level(StrEnum):
    """How binding a requirement is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Profile(StrEnum):
    """Sets of requirements; each of the first five contains the ones before it."""

    PROBE = "probe"
    CORE = "core"
    JOBS = "jobs"
    TRANSFER = "transfer"
    FULL = "full"
    TUTORIAL = "tutorial"
    STRICT = "strict"
    FUZZ = "fuzz"


LADDER = (Profile.PROBE, Profile.CORE, Profile.JOBS, Profile.TRANSFER, Profile.FULL)


class Need(StrEnum):
    """What a server or its caller must have for a requirement to be checked."""

    SCHEDULER = "scheduler"
    OBJECT_STORE = "object-store"
    SECOND_USER = "second-user"
    WRITABLE_DIRECTORY = "writable-directory"
    RESERVATIONS = "reservations"
    RESERVATION_RIGHT = "reservation-right"
    RATE_LIMIT = "rate-limit"
    EXPIRED_TOKEN = "expired-token"


class Source(_Record):
    """Where a requirement comes from.

    Attributes:
        contract: row or section of the contract, e.g. `U1`, `C3`, `§3.2`, `D09`.
        tutorial: assertion of the tutorial's walk, e.g. `T12`.
        since: first API version that promises it.
    """

    contract: str
    tutorial: str = ""
    since: str = "1.0.0"


class Requirement(_Record):
    """One sentence that a server keeps or not.

    Attributes:
        id: stable; never used again for something else.
        title: a few words.
        level: of the sentence.
        requirement: the sentence, with MUST, SHOULD or MAY in it.
        profile: the smallest profile that contains it.
        needs: without them it is skipped, with the reason.
        destructive: whether checking it changes anything on the system.
        deadline: seconds within which an eventual effect must be seen; 0 where it is immediate.
    """

    id: Identifier
    title: str
    level: Level
    requirement: str
    source: Source
    profile: Literal["probe", "core", "jobs", "transfer", "full"]
    needs: tuple[Need, ...] = ()
    destructive: bool = False
    deadline: float = Field(default=0, ge=0)

    @property
    def area(self) -> str:
        return self.id.split("-")[1]

    def belongs_to(self, profile: Profile) -> bool:
        """Whether a run of `profile` checks it."""
        if profile is Profile.TUTORIAL:
            return self.area == "TUT"
        if profile is Profile.FUZZ:
            return False
        wanted = Profile.FULL if profile is Profile.STRICT else profile
        return LADDER.index(Profile(self.profile)) <= LADDER.index(wanted)


class Status(StrEnum):
    """What came of one requirement."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"
    WAIVED = "waived"
    ERROR = "error"


class Exchange(_Record):
    """One request and its answer, without secrets; bodies are cut after some KiB.

    Attributes:
        curl: a shell line that repeats the request with `$TOKEN`.
        seconds: from sending to the end of the answer.
    """

    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: str
    status: int
    response_headers: tuple[tuple[str, str], ...]
    response_body: str
    seconds: float
    curl: str


class Finding(_Record):
    """What was found of one requirement.

    Attributes:
        expected, got: in words, for a failure.
        reason: why it was skipped or waived, or how the harness broke.
        link: of the waiver.
        local: a skip for what this run lacks (an identity, a profile), not the server.
    """

    id: Identifier
    status: Status
    expected: str = ""
    got: str = ""
    reason: str = ""
    link: str = ""
    local: bool = False
    seconds: float = 0
    exchanges: tuple[Exchange, ...] = ()


class Capabilities(_Record):
    """What the server's own answers say of it.

    Attributes:
        version: of the API that it is judged by.
        reported: what the server says of itself, if it was told to be judged by another one.
    """

    version: str
    reported: str = ""
    systems: tuple[str, ...]
    present: tuple[Need, ...]
    absent: dict[Need, str] = Field(default_factory=dict)


class Observation(_Record):
    """An answer to a generated request that the contract does not describe.

    Attributes:
        operation: method and path of the contract.
        phase: of the generation, `coverage` or `random`.
        times: how often something of this kind was seen.
        exchange: of the first time.
    """

    operation: str
    phase: str
    expected: str
    got: str
    times: int = 1
    exchange: Exchange | None = None


Verdict = Literal["pass", "fail", "error"]


class Summary(_Record):
    """What a gate asks a run for.

    Attributes:
        verdict: `error` if the harness broke anywhere, `fail` if a requirement was not kept.
        certified: the whole profile was checked, and nothing failed that is not waived.
        doubts: why it is not certified.
        counts: findings of each status.
    """

    verdict: Verdict
    certified: bool
    doubts: tuple[str, ...]
    counts: dict[Status, int]


class Results(_Record):
    """A whole run; this is `results.json` (its schema is in the docs).

    Attributes:
        schema_version: of this format; raised when a reader must change.
        seconds: of the whole run.
        requirements: all of the profile as they read in this run, also those not checked.
        leftovers: what the run made and could not remove.
        complete: False if the run was interrupted or ran out of its budget.
        stopped: what ended an incomplete run.
        observations: of the profile `fuzz`; they belong to no requirement.
        asked: requests that were generated and sent.
        gate: whether an observation makes the run fail.
    """

    schema_version: Literal[1] = 1
    suite: str
    contract: str
    target: str
    profile: Profile
    started: str
    seconds: float
    seed: int = 0
    capabilities: Capabilities | None
    requirements: tuple[Requirement, ...] = ()
    findings: tuple[Finding, ...]
    leftovers: tuple[str, ...] = ()
    complete: bool = True
    stopped: Literal["", "interrupted", "budget"] = ""
    observations: tuple[Observation, ...] = ()
    asked: int = 0
    gate: bool = False

    @model_validator(mode="before")
    @classmethod
    def _drop_what_is_computed(cls, given: Any) -> Any:  # noqa: ANN401
        if isinstance(given, dict):
            return {name: value for name, value in given.items() if name != "summary"}
        return given

    def count(self, status: Status) -> int:
        return sum(1 for one in self.findings if one.status is status)

    @property
    def verdict(self) -> Verdict:
        """`error` if the harness broke anywhere, `fail` if a requirement was not kept."""
        if self.count(Status.ERROR):
            return "error"
        failed = self.count(Status.FAIL) or (self.gate and self.observations)
        return "fail" if failed else "pass"

    @property
    def unchecked(self) -> tuple[Requirement, ...]:
        """Requirements of the profile of which nothing was found."""
        found = {one.id for one in self.findings}
        return tuple(one for one in self.requirements if one.id not in found)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> Summary:
        """Made of the findings; what a file says here is not believed."""
        doubts = tuple(self._doubts())
        return Summary(
            verdict=self.verdict,
            certified=not doubts,
            doubts=doubts,
            counts={status: self.count(status) for status in Status},
        )

    def _doubts(self) -> Iterator[str]:
        if not self.complete:
            yield f"the run is not complete ({self.stopped or 'stopped'})"
        for status, words in ((Status.FAIL, "failed"), (Status.ERROR, "could not be checked")):
            if self.count(status):
                yield f"{self.count(status)} {words}"
        local = sum(1 for one in self.findings if one.status is Status.SKIP and one.local)
        if local:
            yield f"{local} skipped for what this run lacks"
        if self.capabilities and self.capabilities.reported:
            told, reported = self.capabilities.version, self.capabilities.reported
            yield f"judged by version {told}, the server reports {reported}"
        if self.profile is Profile.FUZZ and not self.requirements:
            yield "generated requests check no requirement; run the profile core or full for that"
            return
        if self.unchecked:
            yield f"{len(self.unchecked)} of the profile were not run"
        if not self.requirements:
            yield "nothing says what the profile contains"
        if not self.count(Status.PASS):
            yield "nothing passed"
