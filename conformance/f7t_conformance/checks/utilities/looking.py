"""What several checks of the utilities do: look at files, and make what they refuse."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place

KEYS = frozenset(
    ("group", "last_modified", "link_target", "name", "permissions", "size", "type", "user")
)
"""Of an entry of a listing."""

BINARY = bytes(range(256))
"""Every byte once; no UTF-8."""


def same(what: str, wanted: object, got: object) -> None:
    """Raise `Unexpected` unless `what` is as wanted."""
    if wanted != got:
        raise Unexpected(f"{what}: {wanted!r}", repr(got))


def ls(api: Api, path: str, **options: str) -> Answer:
    """A listing, not held against the contract: its envelope is a requirement of its own (D03)."""
    query = {"targetPath": path, **options}
    return api.call("GET", "/utilities/ls", query=query, contract=False)


def output_of(answer: Answer) -> list[Any]:
    """`output` of a listing that succeeds."""
    answer.expect(200)
    output = answer.json.get("output") if isinstance(answer.json, dict) else None
    if not isinstance(output, list):
        raise Unexpected("a list as output", answer.excerpt)
    return output


def entries(api: Api, path: str, **options: str) -> list[Mapping[str, str]]:
    """The entries of a listing that succeeds, each with the keys of an entry."""
    found = output_of(ls(api, path, **options))
    for one in found:
        if not isinstance(one, dict) or not one.keys() >= KEYS:
            raise Unexpected("an entry with all keys", repr(one))
    return found


def names(api: Api, path: str, **options: str) -> list[str]:
    """Names of a listing, in its order."""
    return [one["name"] for one in entries(api, path, **options)]


def entry(place: Place, name: str, **options: str) -> Mapping[str, str]:
    """The entry of that name in the listing of the place."""
    found = entries(place.api, place.path, **options)
    for one in found:
        if one["name"] == name:
            return one
    raise Unexpected(f"an entry {name!r}", f"{found}")


def status(api: Api, path: str, **options: str) -> Mapping[str, Any]:
    """`output` of stat."""
    output: Mapping[str, Any] = (
        api.get("/utilities/stat", targetPath=path, **options).expect(200).json["output"]
    )
    return output


def chmod(api: Api, path: str, mode: str) -> Answer:
    return api.put("/utilities/chmod", targetPath=path, mode=mode).expect(200)


def tar(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """An archive of these contents by name, and symbolic links by name."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return made.getvalue()


class Things(dict[str, str]):
    """Paths by what is there; what a template asks for is made in the place first.

    Names: `place`, `absent`, `file` (text), `sub` (directory), `binary` (no UTF-8), `archive`
    (tar), `dark` (a file of mode 000), `closed` (a directory of mode 000).
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place=place.path, absent=place / "absent")
        self._place = place

    def __missing__(self, name: str) -> str:
        if name in {"sub", "closed"}:
            path = self._place.directory(name)
        else:
            content = {"binary": BINARY, "archive": tar({"member": b"m\n"})}
            path = self._place.write(
                "archive.tar" if name == "archive" else name, content.get(name, b"content\n")
            )
        if name in {"dark", "closed"}:
            chmod(self._place.api, path, "000")
        self[name] = path
        return path

    def reopen(self) -> None:
        """Let the end of the run remove what is closed."""
        for name in {"dark", "closed"} & self.keys():
            chmod(self._place.api, self[name], "700")


@contextmanager
def things(place: Place) -> Iterator[Things]:
    made = Things(place)
    try:
        yield made
    finally:
        made.reopen()
