"""Status and small files with either client."""

import hashlib
import io
from pathlib import Path
from typing import Any

from tests.clients.scripts.driven import MACHINE, Driven

CONTENT = bytes(range(256))
LINES = "".join(f"line {n}\n" for n in range(1, 13))


async def status(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    return {
        "services": await client.all_services(),
        "service": await client.service("compute"),
        "systems": await client.all_systems(),
        "system": await client.system(MACHINE),
        "parameters": await client.parameters(),
        "filesystems": await client.filesystems(),
        "filesystem": await client.filesystems(MACHINE),
    }


async def files(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """What is changed, and how it looks afterwards."""
    (local / "plain.dat").write_bytes(CONTENT)
    (local / ".hidden").write_bytes(b"")
    await client.simple_upload(MACHINE, str(local / "plain.dat"), remote)
    await client.simple_upload(MACHINE, local / ".hidden", remote)
    await client.simple_upload(MACHINE, io.BytesIO(b"memory"), remote, "in memory.dat")
    seen: dict[str, Any] = {
        "answers": {
            "mkdir": await client.mkdir(MACHINE, f"{remote}/one"),
            "mkdir -p": await client.mkdir(MACHINE, f"{remote}/two/deep/er", p=True),
            "mkdir -p again": await client.mkdir(MACHINE, f"{remote}/two/deep/er", p=True),
            "mv": await client.mv(MACHINE, f"{remote}/plain.dat", f"{remote}/one/moved.dat"),
            "copy": await client.copy(MACHINE, f"{remote}/one", f"{remote}/copied"),
            "symlink": await client.symlink(MACHINE, f"{remote}/one", f"{remote}/link"),
            "chmod": await client.chmod(MACHINE, f"{remote}/one/moved.dat", "640"),
            "chown": await client.chown(MACHINE, f"{remote}/one/moved.dat", group="hpc"),
        }
    }
    [copied] = await client.list_files(MACHINE, f"{remote}/copied")
    await client.chown(
        MACHINE, f"{remote}/copied/moved.dat", owner=copied["user"], group=copied["group"]
    )
    await client.chown(MACHINE, f"{remote}/copied/moved.dat")
    seen["copied"] = copied
    seen["moved"] = await client.list_files(MACHINE, f"{remote}/one")
    seen["plain"] = await client.list_files(MACHINE, remote)
    seen["hidden"] = await client.list_files(MACHINE, remote, show_hidden=True)
    seen["recursive"] = await client.list_files(MACHINE, remote, recursive=True)
    seen["link"] = await client.stat(MACHINE, f"{remote}/link")
    seen["behind"] = await client.stat(MACHINE, f"{remote}/link", dereference=True)
    seen["directory"] = await client.stat(MACHINE, f"{remote}/one")
    seen["delete"] = await client.simple_delete(MACHINE, f"{remote}/two")
    seen["rest"] = await client.list_files(MACHINE, remote)
    seen["remote"] = remote
    return seen


async def contents(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """What is read of a file; who reads it."""
    await client.simple_upload(MACHINE, io.BytesIO(LINES.encode()), remote, "lines.txt")
    await client.simple_upload(MACHINE, io.BytesIO(CONTENT), remote, "bytes.dat")
    path = f"{remote}/lines.txt"
    await client.simple_download(MACHINE, f"{remote}/bytes.dat", str(local / "text"))
    await client.simple_download(MACHINE, f"{remote}/bytes.dat", local / "path")
    memory = io.BytesIO()
    await client.simple_download(MACHINE, f"{remote}/bytes.dat", memory)
    back = [(local / "text").read_bytes(), (local / "path").read_bytes(), memory.getvalue()]
    return {
        "round trips": [one == CONTENT for one in back],
        "checksum": await client.checksum(MACHINE, path)
        == hashlib.sha256(LINES.encode()).hexdigest(),
        "file_type": await client.file_type(MACHINE, path),
        "file_type of a directory": await client.file_type(MACHINE, remote),
        "view": await client.view(MACHINE, path),
        "head": await client.head(MACHINE, path),
        "head lines": await client.head(MACHINE, path, lines="2"),
        "head bytes": await client.head(MACHINE, path, bytes="6"),
        "head lines, rest": await client.head(MACHINE, path, lines="11", skip_ending=True),
        "head bytes, rest": await client.head(MACHINE, path, bytes="90", skip_ending=True),
        "tail": await client.tail(MACHINE, path),
        "tail lines": await client.tail(MACHINE, path, lines="1"),
        "tail bytes": await client.tail(MACHINE, path, bytes="3"),
        "tail lines, rest": await client.tail(MACHINE, path, lines="12", skip_beginning=True),
        "tail bytes, rest": await client.tail(MACHINE, path, bytes="90", skip_beginning=True),
        "whoami": [await client.whoami(), await client.whoami(MACHINE)],
        "groups": await client.groups(MACHINE),
    }


async def archives(client: Driven, remote: str, local: Path) -> dict[str, Any]:
    """Packed and unpacked at once, no job."""
    await client.mkdir(MACHINE, f"{remote}/tree/sub", p=True)
    await client.simple_upload(MACHINE, io.BytesIO(b"one"), f"{remote}/tree/sub", "a file")
    await client.symlink(MACHINE, f"{remote}/tree/sub/a file", f"{remote}/tree/link")
    seen: dict[str, Any] = {
        "packed": await client.compress(MACHINE, f"{remote}/tree", f"{remote}/tree.tar.gz"),
        "followed": await client.compress(
            MACHINE, f"{remote}/tree", f"{remote}/followed.tgz", dereference=True
        ),
        "with a fall-back": await client.compress(
            MACHINE, f"{remote}/tree", f"{remote}/again.tar.gz", fail_on_timeout=False
        ),
    }
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "auto": ("tree.tar.gz", {}),
        "told": ("followed.tgz", {"extension": ".tgz"}),
        "fallback": ("again.tar.gz", {"extension": "auto", "fail_on_timeout": False}),
    }
    for name, (archive, options) in ways.items():
        target = await client.mkdir(MACHINE, f"{remote}/{name}")
        seen[name] = await client.extract(MACHINE, f"{remote}/{archive}", target, **options)
        entries = await client.list_files(MACHINE, target, recursive=True)
        seen[f"{name}: entries"] = {entry["name"]: entry["type"] for entry in entries}
    seen["remote"] = remote
    return seen
