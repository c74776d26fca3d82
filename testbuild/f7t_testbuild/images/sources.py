"""Which mirrors of Debian this machine uses, read from apt's own configuration.

Both formats of sources.list(5) are understood: one line per source, and deb822 stanzas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DEBIAN_SUITE = re.compile(
    r"(?:bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)"
    r"(?P<kind>-security|/updates|-updates|-backports|-proposed-updates)?/?"
)
_ONE_LINE = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")
_USABLE = re.compile(r"https?://|file:")
_MIRROR_LIST = re.compile(r"mirror\+file:(?://)?(?P<path>/.*)")


@dataclass(frozen=True)
class Mirror:
    """Where Debian's packages come from.

    Attributes:
        archive: URI of the archive, without a slash at the end.
        security: URI of the security archive, None if the machine uses none.
    """

    archive: str
    security: str | None


@dataclass(frozen=True)
class _Source:
    uri: str
    suite: str


def debian_mirror(apt: Path = Path("/etc/apt")) -> Mirror | None:
    """The mirror of the first Debian source configured below `apt`, None if there is none."""
    archive = security = None
    for source in _sources(apt):
        suite = _DEBIAN_SUITE.fullmatch(source.suite)
        uri = _resolved(source.uri)
        if suite is None or uri is None:
            continue
        if suite["kind"] in ("-security", "/updates"):
            security = security or uri
        elif not suite["kind"]:
            archive = archive or uri
    return None if archive is None else Mirror(archive, security)


def _resolved(uri: str) -> str | None:
    """The URI as a container can use it: the first line of a mirror list stands for the list."""
    listed = _MIRROR_LIST.fullmatch(uri)
    if listed is not None:
        try:
            lines = Path(listed["path"]).read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        uri = next((line.split()[0] for line in lines if _USABLE.match(line)), "")
    return uri.rstrip("/") if _USABLE.match(uri) else None


def _sources(apt: Path) -> Iterator[_Source]:
    listed = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    for path in listed:
        yield from _one_line_sources(_text(path))
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        yield from _deb822_sources(_text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _one_line_sources(text: str) -> Iterator[_Source]:
    for line in text.splitlines():
        found = _ONE_LINE.match(line.strip())
        if found is not None:
            yield _Source(found["uri"], found["suite"])


def _deb822_sources(text: str) -> Iterator[_Source]:
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n[ \t]*\n", without_comments):
        fields: dict[str, list[str]] = {}
        words: list[str] = []
        for line in stanza.splitlines():
            if not line[:1].isspace():
                name, _, line = line.partition(":")
                words = fields.setdefault(name.strip().lower(), [])
            words += line.split()
        if "deb" not in fields.get("types", ()) or fields.get("enabled") in (["no"], ["false"]):
            continue
        for uri in fields.get("uris", ()):
            for suite in fields.get("suites", ()):
                yield _Source(uri, suite)
