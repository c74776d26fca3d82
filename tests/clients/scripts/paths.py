"""Every method of the client's `FcPath`, which tells failures by the exact case of header names."""

import asyncio
import os
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any

from tests.clients.scripts.driven import (
    MACHINE,
    Driven,
    begin,
    failure,
    fresh,
    new_client,
    report,
    watch,
)

path_module: Any = import_module("firecrest.path")
FOREIGN = "/home/test1"


def plain(path: Driven) -> str:
    return str(path.target)


def shown(status: Any) -> dict[str, int]:
    return {name: getattr(status, name) for name in ("st_mode", "st_size", "st_uid", "st_nlink")}


async def naming(root: Driven) -> dict[str, Any]:
    """What needs no server."""
    file = await root.joinpath("sub", "archive.tar.gz")
    begin("FcPath.__truediv__")
    below = root.target / "x"
    begin("FcPath.__fspath__")
    as_text = os.fspath(below)
    begin("FcPath.cache_enabled")
    below.cache_enabled = True
    return {
        "joinpath": plain(file),
        "fspath": as_text,
        "texts": [str(below), await file.as_posix(), await file.path],
        "repr": repr(below).startswith("FcPath(") and repr(below).endswith("CACHED)"),
        "pure_path": await file.pure_path == PurePosixPath(plain(file)),
        "name": [await file.name, await file.stem, await file.suffix, await file.suffixes],
        "with_name": plain(await file.with_name("other")),
        "with_suffix": plain(await file.with_suffix(".bz2")),
        "parts": (await file.parts)[-2:],
        "parent": plain(await file.parent),
        "relpath": await file.relpath(plain(root)),
        "is_absolute": await file.is_absolute(),
        "resolve": plain(await (await root.joinpath("a", "..", ".", "b")).resolve()),
        "machine": await file.machine,
        "same client": (await file.client).target is root.target.client,
        "cache_enabled": [await file.cache_enabled, below.cache_enabled],
    }


async def content(root: Driven) -> dict[str, Any]:
    """Made, written, read, moved, removed."""
    tree = await root.joinpath("tree")
    seen: dict[str, Any] = {"exists before": await tree.exists()}
    await tree.mkdir()
    await (await tree.joinpath("a", "b")).mkdir(parents=True)
    await tree.mkdir(exist_ok=True)
    file = await tree.joinpath("file.txt")
    await file.touch()
    await file.touch()
    seen["empty"] = await file.read_text()
    await file.write_text("wörter\n")
    seen["read"] = [await file.read_text(), (await file.read_bytes()).decode()]
    await file.write_bytes(b"bytes\n")
    await file.chmod(640)
    seen["checksum"] = await file.checksum()
    seen["stat"] = shown(await file.stat())
    link = await tree.joinpath("link")
    await link.symlink_to(plain(file))
    seen["lstat is a link's"] = (await link.lstat()).st_mode >> 12 == 0o12
    seen["stat of the link"] = shown(await link.stat())
    seen["link"] = [await link.is_symlink(), await link.is_file(), await file.is_symlink()]
    for name in ("is_dir", "is_file", "is_fifo", "is_socket", "is_block_device", "is_char_device"):
        seen[name] = [await getattr(one, name)() for one in (tree, file)]
    null = Driven(path_module.FcPath(root.target.client, MACHINE, "/dev/null"))
    seen["null"] = [await null.is_char_device(), await null.is_file()]
    seen["iterdir"] = sorted([await one.name for one in await tree.iterdir()])
    deep = await tree.iterdir(recursive=True)
    seen["recursive"] = sorted([await one.relpath(plain(tree)) for one in deep])
    moved = await file.rename(plain(await tree.joinpath("moved.txt")))
    seen["renamed"] = [plain(moved), await moved.exists(), await file.exists(), await link.exists()]
    await link.unlink()
    await link.unlink(missing_ok=True)
    await moved.clear_cache()
    await tree.rmtree()
    seen["exists after"] = await tree.exists()
    return seen


async def failures(root: Driven) -> dict[str, Any]:
    """Which exception of Python's own each failure becomes."""
    client = root.target.client

    def at(path: str, machine: str = MACHINE) -> Driven:
        return Driven(path_module.FcPath(client, machine, path))

    home = plain(root)
    file = await root.joinpath("file")
    await file.write_text("x")
    calls = {
        "read absent": at(f"{home}/absent").read_bytes,
        "stat absent": at(f"{home}/absent").stat,
        "lstat absent": at(f"{home}/absent").lstat,
        "checksum absent": at(f"{home}/absent").checksum,
        "iterdir absent": at(f"{home}/absent").iterdir,
        "unlink absent": at(f"{home}/absent").unlink,
        "rmtree absent": at(f"{home}/absent").rmtree,
        "rename absent": lambda: at(f"{home}/absent").rename(f"{home}/new"),
        "write below absent": lambda: at(f"{home}/absent/new").write_bytes(b""),
        "mkdir below absent": at(f"{home}/absent/new").mkdir,
        "read directory": at(home).read_bytes,
        "checksum directory": at(home).checksum,
        "unlink directory": at(home).unlink,
        "rmtree file": file.rmtree,
        "write below a file": lambda: at(f"{home}/file/new").write_bytes(b""),
        "iterdir denied": at(FOREIGN).iterdir,
        "stat denied": at(f"{FOREIGN}/.bashrc").stat,
        "mkdir denied": at(f"{FOREIGN}/new").mkdir,
        "chmod denied": lambda: at("/etc/hosts").chmod(777),
        "unknown machine": at(home, "nowhere").iterdir,
        # Headers that the client itself does not know as errors: A and D17 of the contract.
        "mkdir existing": at(home).mkdir,
        "symlink existing": lambda: file.symlink_to("/tmp"),
        "touch existing": lambda: file.touch(exist_ok=False),
        "chmod bad": lambda: file.chmod(999),
    }
    seen: dict[str, Any] = {name: await failure(call()) for name, call in calls.items()}
    begin("FcPath.convert_header_exceptions")
    try:
        with file.target.convert_header_exceptions({"X-Invalid-Path": lambda _: KeyError("own")}):
            client.list_files(MACHINE, f"{home}/absent")
    except KeyError as error:
        seen["converted"] = str(error)
    return seen


async def main() -> dict[str, Any]:
    home = fresh("paths")
    new_client("Firecrest").target.mkdir(MACHINE, home)
    begin("FcPath.from_env_variables")
    os.environ |= {
        "FIRECREST_CLIENT_ID": os.environ["CLIENT_ID"],
        "FIRECREST_CLIENT_SECRET": os.environ["CLIENT_SECRET"],
        "AUTH_TOKEN_URL": os.environ["TOKEN_URL"],
    }
    root = Driven(path_module.FcPath.from_env_variables(MACHINE, home))
    return {
        "home": home,
        "naming": await naming(root),
        "content": await content(root),
        "failures": await failures(root),
    }


if __name__ == "__main__":
    watch()
    report(asyncio.run(main()))
