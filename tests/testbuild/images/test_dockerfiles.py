"""Rules that every Dockerfile keeps, so that it builds on any engine, machine and network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("cluster", "conformance", "firecrest", "keycloak", "minio")
DOCKERFILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*Dockerfile"))
SCRIPTS = sorted(
    path
    for folder in ("keycloak", "firecrest/taskpersistence", "firecrest/image")
    for path in (ROOT / folder).iterdir()
    if path.is_file() and path.read_bytes().startswith(b"#!")
)

FORBIDDEN = {
    "an architecture": r"amd64|x86_64|arm64|aarch64|--platform|TARGETARCH",
    "a pull": r"--pull",
    "a BuildKit feature that older builders lack": r"--mount|--link|--checksum|COPY --chmod|<<",
    "a frontend to be fetched": r"^#\s*syntax",
    "a latest tag": r":latest",
    "a secret's value": r"(?i)(?:PASSWORD|SECRET|TOKEN)(?:_KEY)?=(?!\$)\S",
    "a host that is no argument": r"https?://(?!127\.0\.0\.1|localhost)",
    "a registry's host": r"^(?:FROM|ARG\s+\w*(?:BASE|IMAGE)\w*=)\s*[\w-]+(?:\.[\w-]+)+[:/]",
    "a file fetched from the network by Docker": r"^ADD\s+http",
}


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def instructions(path: Path) -> str:
    """The file without comments, except one that a builder would read."""
    lines = path.read_text().splitlines()
    return "\n".join(it for it in lines if not it.startswith("#") or "syntax" in it)


def test_there_are_dockerfiles() -> None:
    assert {"firecrest/taskpersistence.Dockerfile", "keycloak/Dockerfile"} <= set(
        map(names, DOCKERFILES)
    )


@pytest.mark.parametrize("rule", FORBIDDEN)
@pytest.mark.parametrize("path", DOCKERFILES, ids=names)
def test_no_dockerfile_contains(path: Path, rule: str) -> None:
    found = re.search(FORBIDDEN[rule], instructions(path), flags=re.MULTILINE)
    assert found is None, f"{rule}: {found}"


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("an architecture", "RUN dpkg --add-architecture arm64"),
        ("a pull", "RUN docker build --pull ."),
        ("a BuildKit feature that older builders lack", "RUN --mount=type=cache,target=/x true"),
        ("a frontend to be fetched", "# syntax=docker/dockerfile:1"),
        ("a secret's value", "ENV REDIS_PASSWORD=hunter2"),
        ("a host that is no argument", "RUN curl https://files.example/x"),
        ("a registry's host", "ARG MINIO_IMAGE=registry.example/minio/minio:1"),
        ("a registry's host", "FROM registry.example.org/x@sha256:1"),
    ],
)
def test_the_rules_find_what_they_are_for(rule: str, line: str) -> None:
    assert re.search(FORBIDDEN[rule], line, flags=re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=names)
def test_every_image_it_stands_on_is_an_argument_or_a_stage(path: Path) -> None:
    text = instructions(path)
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", text, flags=re.MULTILINE))
    given = set(re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE))
    assert all(it.startswith("$") or it in stages for it in given)


@pytest.mark.parametrize("path", DOCKERFILES, ids=names)
def test_whatever_is_copied_exists(path: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", instructions(path), flags=re.MULTILINE)
    sources = [word for words in copied for word in words.split() if not word.startswith("--")]
    assert [source for source in sources if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=names)
def test_scripts_can_be_run_and_read(path: Path) -> None:
    interpreter = path.read_text().splitlines()[0].removeprefix("#!").strip()
    assert path.stat().st_mode & 0o555 == 0o555
    subprocess.run([interpreter, "-n", str(path)], check=True)


@pytest.mark.parametrize(
    "name", ["keycloak/Dockerfile", "keycloak/from-maven.Dockerfile"], ids=lambda name: name
)
def test_both_keycloaks_are_built_alike(name: str) -> None:
    """What `kc.sh build` fixes has to be the same at the start, or it refuses or builds again."""
    text = " ".join(instructions(ROOT / name).replace("\\\n", " ").split())
    fixed = "KC_DB=dev-file KC_CACHE=local KC_HTTP_RELATIVE_PATH=/auth KC_HEALTH_ENABLED=true"
    assert fixed in text.partition("kc.sh build")[0]
    assert fixed in text.rpartition("FROM ")[2]
