"""Results as no server gave them: every status, and texts that try to break out of a report."""

from __future__ import annotations

from f7t_conformance.model import (
    Capabilities,
    Exchange,
    Finding,
    Level,
    Need,
    Profile,
    Requirement,
    Results,
    Source,
    Status,
)

HOSTILE = (
    "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>&\"'\x00\x1b[31m"
)
AREAS = ("AUTH", "ERR", "STAT", "UTIL", "JOB", "TASK", "XFER", "RSV", "SEC", "TUT")


def requirement(identifier: str, title: str = "") -> Requirement:
    """A requirement of the profile core."""
    return Requirement(
        id=identifier,
        title=title or f"something of {identifier}",
        level=Level.MUST,
        requirement=f"The server MUST keep {identifier}, whatever the path is called.",
        source=Source(contract="U1 §3.2", tutorial="T10"),
        profile="core",
    )


def exchange(text: str = "") -> Exchange:
    """A call of `ls` that was refused; `text` ends up in its address, bodies and headers."""
    url = f"https://firecrest.example.org/utilities/ls?targetPath=/home/me/{text}"
    return Exchange(
        method="GET",
        url=url,
        request_headers=(("X-Machine-Name", "cluster"), ("Authorization", "[redacted]")),
        request_body=text,
        status=400,
        response_headers=(("Content-Type", "application/json"), ("X-Invalid-Path", text or "no")),
        response_body=f'{{"description": "Error listing contents of path", "error": "{text}"}}',
        seconds=0.0123,
        curl=f'curl -i -H "Authorization: Bearer $TOKEN" -X GET {url}',
    )


def finding(identifier: str, status: Status, text: str = "") -> Finding:
    """A finding with everything that one of its status has."""
    if status is Status.PASS:
        return Finding(id=identifier, status=status, seconds=0.02)
    if status is Status.SKIP:
        return Finding(id=identifier, status=status, reason=f"no scheduler {text}".strip())
    failed = status is not Status.ERROR
    return Finding(
        id=identifier,
        status=status,
        expected="status 400" if failed else "",
        got=f"200 {text}" if failed else "",
        reason={
            Status.WAIVED: f"upstream does it otherwise {text}",
            Status.ERROR: f"KeyError: {text}",
        }.get(status, ""),
        link="https://example.org/issues/1" if status is Status.WAIVED else "",
        seconds=0.35,
        exchanges=(exchange(), exchange(text), exchange(text)),
    )


def results(*findings: Finding, text: str = "", **changed: object) -> Results:
    """A complete run of these findings; without any, one of all areas and statuses."""
    if not findings:
        statuses = list(Status) + [Status.PASS] * 4
        findings = tuple(
            finding(f"F7T-{area}-{number:03}", statuses[(number + turn) % len(statuses)], text)
            for turn, area in enumerate(AREAS)
            for number in range(1, 10)
        )
    made = Results(
        suite="0.1.0",
        contract="1.16.6",
        target="https://firecrest.example.org",
        profile=Profile.CORE,
        started="2026-01-02T03:04:05+00:00",
        seconds=12.3,
        capabilities=Capabilities(
            version="1.16.6",
            systems=("cluster",),
            present=(Need.OBJECT_STORE,),
            absent={Need.SCHEDULER: "no scheduler"},
        ),
        requirements=tuple(requirement(one.id, f"title {text}".strip()) for one in findings),
        findings=findings,
    )
    return made.model_copy(update=changed)
