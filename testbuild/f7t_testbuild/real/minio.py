"""MinIO from source: compiled by this machine's Go from the Go modules.

The project is no longer maintained and its releases are not served as modules, so what is pinned is
a commit: the last one (12 February 2026, after the last release, whose defects it mends).
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from f7t_testbuild.progress import Progress
from f7t_testbuild.real import cache, tools
from f7t_testbuild.real.cache import Unobtainable
from f7t_testbuild.real.tools import Complaint

MODULE = "github.com/minio/minio"
PINNED = "v0.0.0-20260212201848-7aac2a2c5b7c"
VERSION_VARIABLE = "F7T_MINIO_VERSION"
NEEDED_GO = (1, 24)
OLDEST_GO = (1, 21)
"""From here on Go fetches a newer toolchain by itself, if GOTOOLCHAIN lets it."""
PROCESSES = 2
"""Compilers at once: each takes up to half a gigabyte."""
BUILD_TIMEOUT = 3600.0
SHORT_TIMEOUT = 120.0
INSTEAD = "or stay with the embedded store (--store embedded)"
_PSEUDO_VERSION = re.compile(r"v0\.0\.0-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-([0-9a-f]{12})")
_RELEASE = re.compile(r"RELEASE\.(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)Z")


@dataclass(frozen=True)
class Minio:
    """A compiled server and what it calls itself."""

    program: Path
    version: str


@dataclass(frozen=True)
class Source:
    """A version of the module, and the words its binary is to say of itself."""

    module_version: str
    tag: str
    time: str
    commit: str

    @property
    def linker_flags(self) -> str:
        """For `-ldflags`: what MinIO's own build sets; unset, it says DEVELOPMENT.GOGET."""
        values = {
            "Version": self.time,
            "ReleaseTag": self.tag,
            "CommitID": self.commit,
            "ShortCommitID": self.commit,
            "CopyrightYear": self.time[:4],
        }
        return " ".join(
            ["-s -w", *(f"-X {MODULE}/cmd.{name}={value}" for name, value in values.items())]
        )


def obtain(progress: Progress) -> Minio:
    """MinIO in the version of `F7T_MINIO_VERSION`, else the pinned one.

    The first time it takes some minutes of both network and processors; later nothing is fetched.
    Raises `Unobtainable`.
    """
    source = chosen_source()
    make = partial(_make, source=source, progress=progress)
    directory = cache.obtain("minio", source.module_version, make, progress)
    return Minio(directory / "minio", source.tag)


def chosen_source() -> Source:
    """What to build; raises `Unobtainable` for a version that is none.

    A commit is called SOURCE with its time, as it is no release.
    """
    version = os.environ.get(VERSION_VARIABLE) or PINNED
    if found := _PSEUDO_VERSION.fullmatch(version):
        *numbers, commit = found.groups()
    elif found := _RELEASE.fullmatch(version):
        numbers, commit = list(found.groups()), version
    else:
        raise Unobtainable(
            f"{VERSION_VARIABLE} is {version!r}, neither like {PINNED} nor a RELEASE tag",
            hint=f"unset it to get {PINNED}",
        )
    year, month, day, hour, minute, second = numbers
    tag = f"SOURCE.{year}-{month}-{day}T{hour}-{minute}-{second}Z"
    return Source(
        module_version=version,
        tag=version if _RELEASE.fullmatch(version) else tag,
        time=f"{year}-{month}-{day}T{hour}:{minute}:{second}Z",
        commit=commit,
    )


def find_go() -> Path:
    """The Go of PATH; raises `Unobtainable` if there is none or it cannot compile MinIO."""
    needed = ".".join(map(str, NEEDED_GO))
    advice = f"put Go {needed} or newer on PATH, {INSTEAD}"
    go = tools.find("go", Complaint("MinIO is compiled with Go: no go in PATH", advice))
    broken = Complaint(f"{go} does not work", advice)
    said = tools.run([go, "env", "GOVERSION", "GOTOOLCHAIN"], broken, timeout=SHORT_TIMEOUT)
    version, _, toolchain = said.partition("\n")
    found = re.match(r"(?:go)?(\d+)\.(\d+)", version)
    if not found:
        raise Unobtainable(f"{go} tells no version: {version!r}", hint=advice)
    numbers = (int(found[1]), int(found[2]))
    if numbers < OLDEST_GO or (numbers < NEEDED_GO and toolchain.startswith("local")):
        raise Unobtainable(
            f"MinIO needs Go {needed}: {go} is {version}",
            hint=advice
            + (" (GOTOOLCHAIN=auto lets this one fetch it)" if numbers >= OLDEST_GO else ""),
        )
    return go


def _make(directory: Path, *, source: Source, progress: Progress) -> None:
    """Fill an empty directory with the program `minio`."""
    go = find_go()
    progress(f"fetching and compiling MinIO {source.tag} with Go (some minutes, once)")
    wanted = f"{MODULE}@{source.module_version}"
    tools.run(
        [go, "install", "-p", str(PROCESSES), "-ldflags", source.linker_flags, wanted],
        Complaint(
            f"Go cannot build {wanted}",
            f"see that Go reaches a module proxy which has it (go env GOPROXY), {INSTEAD}; "
            f"by hand: go install {shlex.quote(wanted)}",
        ),
        timeout=BUILD_TIMEOUT,
        environment={**os.environ, "GOBIN": str(directory)},
    )
    said = tools.run(
        [directory / "minio", "--version"],
        Complaint("the compiled MinIO does not work", f"see what Go does (go env), {INSTEAD}"),
        timeout=SHORT_TIMEOUT,
        environment={"HOME": str(directory / "home")},
    )
    if source.tag not in said:
        raise Unobtainable(
            f"the compiled MinIO does not say {source.tag} but {said.splitlines()[:1]}",
            hint="see whether GOFLAGS overrides -ldflags (go env GOFLAGS)",
        )
