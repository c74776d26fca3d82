"""What `f7t doctor` looks at for the Docker runtime."""

from __future__ import annotations

from f7t_testbuild.docker import provision
from f7t_testbuild.docker.project import ComposeAbsent, Project, compose_command
from f7t_testbuild.doctor import (
    Check,
    Verdict,
    disk_check,
    memory_check,
    ports_check,
    python_check,
)
from f7t_testbuild.images import engine
from f7t_testbuild.images.catalogue import Image
from f7t_testbuild.invocation import command_line


def examine(project: Project, *, running: bool) -> list[Check]:
    """All checks, in the order in which `f7t up` meets them."""
    asked = engine_check()
    checks = [python_check(), asked, compose_check()]
    if asked.verdict is Verdict.OK:
        checks.append(images_check(project))
    return [
        *checks,
        ports_check(project.testbuild, running=running, gateways=project.gateways),
        disk_check(project.testbuild),
        memory_check(),
    ]


def engine_check() -> Check:
    """Whether a Docker engine answers."""
    try:
        return Check("engine", Verdict.OK, f"Docker engine {engine.require_engine()} answers")
    except engine.EngineAbsent as absence:
        return Check(
            "engine",
            Verdict.BLOCKS,
            f"no Docker engine answers: {absence}",
            f"start it, or: {command_line('up --runtime native')}",
        )


def compose_check() -> Check:
    """Whether Compose is there, and new enough."""
    try:
        return Check("compose", Verdict.OK, f"{' '.join(compose_command())} of version 2 or newer")
    except ComposeAbsent as absence:
        return Check(
            "compose",
            Verdict.BLOCKS,
            f"Docker Compose 2 is needed: {absence}",
            "install the compose plugin of your engine",
        )


def images_check(project: Project) -> Check:
    """Which images `f7t up` would build or pull first."""
    wanted = provision.needed(project)
    absent = [
        one.tag if isinstance(one, Image) else one
        for one in wanted
        if not (provision.is_current(one) if isinstance(one, Image) else engine.find(one))
    ]
    if not absent:
        return Check("images", Verdict.OK, f"all {len(wanted)} images are there and current")
    return Check(
        "images",
        Verdict.NOTE,
        f"missing or made of older sources: {', '.join(absent)}",
        f"{command_line('up', project.testbuild)} makes them; without a registry: make images",
    )
