"""Makes the images one after the other, and says of every part what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from f7t_testbuild import packages
from f7t_testbuild.images import bases, catalogue, engine
from f7t_testbuild.images.bases import BASES, MADE_HERE
from f7t_testbuild.images.catalogue import Image
from f7t_testbuild.images.engine import StepFailed
from f7t_testbuild.images.record import Noted, Record, with_pulled
from f7t_testbuild.images.sources import Mirror
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.progress import Progress


class Kind(StrEnum):
    """What a part of the testbuild will be when it runs from these images."""

    BASE = "base"
    OWN = "own"
    REAL = "real"
    EMBEDDED = "embedded"
    MISSING = "not built"


@dataclass(frozen=True)
class Wish:
    """What is to be made.

    Attributes:
        releases: of Slurm; none means the preferred one, or another where its base is missing.
        keycloak: whether to try for Keycloak.
        minio: whether to try for MinIO.
        balancer: whether several gateways shall have one.
        suite: whether the conformance suite gets an image, too.
        pull: whether registries may be asked.
        rebuild_bases: whether to make bases again that are there.
        install: whether a missing package of this machine may be installed.
        debian: mirror to make Debian bases from.
        ubuntu: mirror to make Ubuntu bases from.
        certificates: files of further authorities that the bases shall hold.
    """

    releases: tuple[str, ...] = ()
    keycloak: bool = True
    minio: bool = True
    balancer: bool = False
    suite: bool = False
    pull: bool = False
    rebuild_bases: bool = False
    install: bool = True
    debian: Mirror | None = None
    ubuntu: Mirror | None = None
    certificates: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one part.

    Attributes:
        part: the part's name.
        kind: what it will be.
        image: the image's name; empty if there is none.
        size: bytes, 0 if there is none.
        seconds: how long it took.
        remark: where it comes from, or why it is not there.
        failed: whether the testbuild cannot run, or not as it was asked for, without it.
        log_tail: the last lines of what failed.
    """

    part: str
    kind: Kind
    image: str = ""
    size: int = 0
    seconds: float = 0.0
    remark: str = ""
    failed: bool = False
    log_tail: tuple[str, ...] = ()


class NotBuilt(Exception):
    """An image is not to be had here.

    Attributes:
        reason: one line.
        log_tail: the last lines of what failed, if something was tried.
    """

    def __init__(self, reason: str, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log_tail = log_tail


class Workshop:
    """Makes images for one wish; `outcomes`, `record` and `warnings` tell what was made."""

    def __init__(
        self, wish: Wish, checkout: Path, logs: Path, record: Record, progress: Progress
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.record = record
        self.warnings: list[str] = []
        self._wish = wish
        self._checkout = checkout
        self._logs = logs
        self._progress = progress
        self._refused: dict[str, NotBuilt] = {}
        self._ready: set[str] = set()

    def make_all(self) -> None:
        """Make everything that was wished for.

        Raises:
            PackagesMissing: this machine lacks a program and may not get it.
            InstallationFailed: apt-get failed.
        """
        self._own("gateway", Kind.OWN, catalogue.FIRECREST)
        self._own("task store", Kind.REAL, catalogue.TASKPERSISTENCE)
        built = [release for release in self._releases() if self._cluster(release)]
        kept = [it for it in self.record.slurm if engine.find(catalogue.cluster(it).tag)]
        releases = tuple(it for it in catalogue.SLURM_BASES if it in {*built, *kept})
        identity = self._identity()
        store = self._store()
        if self._wish.balancer:
            self._own("balancer", Kind.REAL, catalogue.BALANCER)
        if self._wish.suite:
            self._own("suite", Kind.OWN, catalogue.CONFORMANCE)
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.record = replace(
            self.record,
            made_at=made_at,
            slurm=releases,
            identity=identity,
            store=store,
            images={
                tag: note
                for tag, note in self.record.images.items()
                if engine.find(tag) is not None
            },
        )

    def _releases(self) -> tuple[str, ...]:
        if self._wish.releases:
            return self._wish.releases
        preferred = catalogue.PREFERRED_RELEASE
        try:
            self._base(catalogue.SLURM_BASES[preferred])
        except NotBuilt as refusal:
            self.outcomes.append(
                Outcome(f"cluster {preferred}", Kind.MISSING, remark=refusal.reason)
            )
            return (catalogue.FALLBACK_RELEASE,)
        return (preferred,)

    def _cluster(self, release: str) -> bool:
        return self._own(f"cluster {release}", Kind.REAL, catalogue.cluster(release))

    def _own(self, part: str, kind: Kind, image: Image) -> bool:
        """Build an image that has no substitute."""
        try:
            self._build(part, kind, image)
        except NotBuilt as refusal:
            failure = Outcome(
                part,
                Kind.MISSING,
                remark=refusal.reason,
                failed=True,
                log_tail=refusal.log_tail,
            )
            self.outcomes.append(failure)
            return False
        return True

    def _identity(self) -> Identity:
        if not self._wish.keycloak:
            self._embedded("identity", ["not asked for"])
            return Identity.EMBEDDED
        refusals: list[str] = []
        for kind, image in (
            (Identity.KEYCLOAK, catalogue.keycloak()),
            (Identity.KEYCLOAK_FROM_MAVEN, catalogue.KEYCLOAK_FROM_MAVEN),
        ):
            try:
                self._build("identity", Kind.REAL, image, remark="; ".join(refusals))
            except NotBuilt as refusal:
                refusals.append(refusal.reason)
            else:
                return kind
        self._embedded("identity", refusals)
        return Identity.EMBEDDED

    def _store(self) -> Store:
        if not self._wish.minio:
            self._embedded("staging", ["not asked for"])
            return Store.EMBEDDED
        official = catalogue.official_minio()
        refusals: list[str] = []
        try:
            self._base(official)
        except NotBuilt as refusal:
            refusals.append(refusal.reason)
        else:
            return Store.MINIO
        try:
            image = catalogue.MINIO_FROM_SOURCE
            self._build("staging", Kind.REAL, image, remark="; ".join(refusals))
        except NotBuilt as refusal:
            refusals.append(refusal.reason)
            self._embedded("staging", refusals)
            return Store.EMBEDDED
        return Store.MINIO_FROM_SOURCE

    def _embedded(self, part: str, reasons: list[str]) -> None:
        tag = catalogue.FIRECREST.tag
        self.outcomes.append(Outcome(part, Kind.EMBEDDED, tag, remark="; ".join(reasons)))

    def _build(self, part: str, kind: Kind, image: Image, remark: str = "") -> None:
        if not (self._checkout / image.dockerfile).is_file():
            raise NotBuilt(f"{image.dockerfile} is not in this checkout")
        for base in image.bases:
            self._base(base)
        began = time.monotonic()
        with self._step(image.tag) as log:
            self._progress(f"{part}: building {image.tag} (log: {log})")
            engine.run_logged(
                image.build_command(self._checkout), log, f"docker build -t {image.tag}"
            )
        self._note(Outcome(part, kind, image.tag, remark=remark), began)

    def _base(self, tag: str) -> None:
        """Have an image that others stand on, or that is used as it is; tried once per run."""
        if tag in self._ready:
            return
        if tag in self._refused:
            raise self._refused[tag]
        began = time.monotonic()
        try:
            remark = self._obtain(tag)
        except NotBuilt as refusal:
            self._refused[tag] = refusal
            raise
        self._ready.add(tag)
        part, kind = (
            ("staging", Kind.REAL) if tag == catalogue.official_minio() else ("", Kind.BASE)
        )
        self._note(Outcome(part or tag, kind, tag, remark=remark), began)

    def _obtain(self, tag: str) -> str:
        """Where the image comes from."""
        found = engine.find(tag)
        base = BASES.get(tag)
        refusal = f"{tag} is not here, and pulling was not asked for"
        if self._wish.pull:
            try:
                self._pull(tag)
            except NotBuilt as failure:
                refusal = failure.reason
            else:
                return "pulled"
        if found is not None and not (self._wish.rebuild_bases and base is not None):
            return "kept, made here earlier" if MADE_HERE in found.labels else "kept, was there"
        if base is None:
            raise NotBuilt(refusal)
        mirror = self._wish.ubuntu if base.ubuntu else self._wish.debian
        if mirror is None:
            name = "ubuntu" if base.ubuntu else "debian"
            raise NotBuilt(f"{refusal}; making it needs a mirror: --{name}-mirror URI")
        packages.ensure(self._progress, allowed=self._wish.install, packages=base.packages)
        with self._step(tag) as log:
            self._progress(f"base {tag}: making it from {mirror.archive} (log: {log})")
            bases.make(base, mirror, self._wish.certificates, log)
        return f"made here from {mirror.archive}"

    def _pull(self, tag: str) -> None:
        with self._step(tag) as log:
            self._progress(f"{tag}: pulling it")
            try:
                engine.run_logged(["docker", "pull", tag], log, f"docker pull {tag}")
            except StepFailed as failure:
                last = failure.log_tail[-1] if failure.log_tail else failure.message
                raise NotBuilt(f"pulling {tag} failed: {last}") from failure
        found = engine.find(tag)
        if found is not None:
            self.record, warning = with_pulled(self.record, tag, found.digests)
            self.warnings += [warning] if warning else []

    @contextmanager
    def _step(self, tag: str) -> Iterator[Path]:
        """The log file of one step, whose failure becomes a reason."""
        try:
            yield self._logs / f"{tag.replace('/', '_').replace(':', '_')}.log"
        except StepFailed as failure:
            raise NotBuilt(failure.message, failure.log_tail) from failure

    def _note(self, outcome: Outcome, began: float) -> None:
        seconds = time.monotonic() - began
        found = engine.find(outcome.image)
        if found is None:
            raise NotBuilt(f"the engine has no {outcome.image} after it was made")
        self.outcomes.append(replace(outcome, size=found.size, seconds=seconds))
        images = {**self.record.images, outcome.image: Noted(found.id, found.size)}
        self.record = replace(self.record, images=images)
