"""Has the images of a testbuild in the engine: builds ours when their sources changed, pulls."""

from __future__ import annotations

import os
from pathlib import Path

from f7t_testbuild.docker.project import CHECKOUT, Project
from f7t_testbuild.images import catalogue, engine, record
from f7t_testbuild.images.catalogue import SOURCES_LABEL, Image
from f7t_testbuild.images.engine import StepFailed
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.progress import Progress
from f7t_testbuild.runtime import NotProvided

_LOGS = ".images"


def needed(project: Project) -> list[Image | str]:
    """Images of the project: those to build, and names of those to pull."""
    # What registries may refuse comes first, so that the refusal does.
    wanted: list[Image | str] = [
        catalogue.cluster(project.slurm),
        catalogue.store(project.store),
        catalogue.identity(project.identity),
        catalogue.TASKPERSISTENCE,
        catalogue.FIRECREST,
    ]
    if project.gateways > 1:
        wanted.append(catalogue.BALANCER)
    return [one for number, one in enumerate(wanted) if one not in wanted[:number]]


def ensure(project: Project, progress: Progress) -> None:
    """Build and pull what is missing; `NotProvided` says what else can be done."""
    logs = project.testbuild.state_root / _LOGS
    for one in needed(project):
        if isinstance(one, str):
            _pull(one, project, logs, progress)
        else:
            _build(one, project, logs, progress)


def is_current(image: Image) -> bool:
    """Whether the engine has it, made of what the checkout holds now."""
    found = engine.find(image.tag)
    return found is not None and found.labels.get(SOURCES_LABEL) == image.sources_digest(CHECKOUT)


def _build(image: Image, project: Project, logs: Path, progress: Progress) -> None:
    if is_current(image):
        return
    log = logs / f"{image.tag.replace('/', '-').replace(':', '-')}.log"
    progress(f"building {image.tag} (follow it: tail -f {log})")
    try:
        engine.run_logged(image.build_command(CHECKOUT), log, f"building {image.tag}")
    except StepFailed as failure:
        raise NotProvided(
            failure.message, hint=_way_out(project), log_tail=failure.log_tail
        ) from failure


def _pull(name: str, project: Project, logs: Path, progress: Progress) -> None:
    if engine.find(name) is not None:
        return
    progress(f"pulling {name}")
    log = logs / "pull.log"
    try:
        engine.run_logged(["docker", "pull", "--quiet", name], log, f"pulling {name}")
    except StepFailed as failure:
        raise NotProvided(
            failure.message, hint=_way_out(project), log_tail=failure.log_tail
        ) from failure
    found = engine.find(name)
    known = record.load(project.testbuild.state_root) or record.Record()
    updated, warning = record.with_pulled(known, name, found.digests if found else ())
    record.save(project.testbuild.state_root, updated)
    if warning:
        progress(f"WARNING: {warning}")


def _way_out(project: Project) -> str:
    """What to do where an image is not to be had."""
    lines = []
    if project.identity is not Identity.EMBEDDED or project.store is not Store.EMBEDDED:
        lines.append("without Keycloak and MinIO: --identity embedded --store embedded")
    if project.slurm != catalogue.FALLBACK_RELEASE:
        lines.append(f"another release of Slurm: --slurm {catalogue.FALLBACK_RELEASE}")
    lines.append(
        "no registry in reach: make images (as root), it builds what it can from Debian's packages"
        if os.geteuid() == 0
        else "no registry in reach: sudo make images builds what it can from Debian's packages"
    )
    lines.append("without an engine: --runtime native")
    return "\n".join(lines)
