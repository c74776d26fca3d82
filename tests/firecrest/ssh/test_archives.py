"""Archive commands with the real tools: what is packed, what is unpacked, and what never is."""

from __future__ import annotations

import io
import os
import shlex
import signal
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from f7t.archives import ArchiveKind, compress_argv, extract_argv, kind_of
from f7t.errors import UnsupportedFormat

ODD_NAMES = [
    "-rf",
    "--checkpoint-action=exec=false",
    "a  b ",
    "$HOME",
    "*",
    "[a]?",
    "host:file",
    "#%^=+,@!~{}",
    "é日本",
    "new\nline",
    "x" * 240,
]


def run(argv: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """In `directory`, as a line of a script would: the arguments survive a shell's quoting."""
    return subprocess.run(
        ["sh", "-c", shlex.join(argv)],
        cwd=directory,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(argv: Sequence[str], directory: Path) -> None:
    done = run(argv, directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def members(archive: Path) -> dict[str, bytes]:
    """Names in a gzip-compressed tar archive, with the content of regular files."""
    with tarfile.open(archive, "r:gz") as tar:
        found = {}
        for member in tar:
            file = tar.extractfile(member) if member.isreg() or member.islnk() else None
            found[member.name] = file.read() if file else b""
        return found


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / "file").write_bytes(b"content")
    (tmp_path / "data" / "link").symlink_to("sub/file")
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("extension", "source", "kind"),
    [
        (None, "a.zip", ArchiveKind.ZIP),
        ("", "a.tar", ArchiveKind.TAR),
        ("auto", "a.tgz", ArchiveKind.TAR_GZIP),
        ("AUTO", "/x.zip/A.TAR.GZ", ArchiveKind.TAR_GZIP),
        (".auto", "a.tar.bz2", None),
        ("auto", "a.tar.bz2", ArchiveKind.TAR_BZIP2),
        ("auto", "a.gz", ArchiveKind.GZIP),
        ("auto", "a.bz2", ArchiveKind.BZIP2),
        ("auto", "a", None),
        ("auto", "zip", None),
        ("auto", "a.tar/", None),
        ("auto", "a.xz", None),
        (".zip", "a", ArchiveKind.ZIP),
        ("zip", "a.tar", ArchiveKind.ZIP),
        (".TAR", "a", ArchiveKind.TAR),
        ("tar.gz", "a", ArchiveKind.TAR_GZIP),
        (".tar.bz2", "a", ArchiveKind.TAR_BZIP2),
        ("tgz", "a", ArchiveKind.TAR_GZIP),
        (".gz", "a.tar.gz", ArchiveKind.GZIP),
        (".bz2", "a", ArchiveKind.BZIP2),
        ("..zip", "a.zip", None),
        (".rar", "a.zip", None),
        (" .zip", "a.zip", None),
        ("$(id)", "a.zip", None),
    ],
)
def test_formats(extension: str | None, source: str, kind: ArchiveKind | None) -> None:
    if kind is None:
        with pytest.raises(UnsupportedFormat) as raised:
            kind_of(extension, source)
        assert raised.value.message == f"Unsupported file format in {source}."
    else:
        assert kind_of(extension, source) is kind


@pytest.mark.parametrize("source", ["data", "data/", "./data", "{tree}/data"])
def test_an_archive_holds_the_last_component(source: str, tree: Path) -> None:
    succeed(compress_argv(source.format(tree=tree), "out/data.tar.gz"), tree)
    assert members(tree / "out/data.tar.gz") == {
        "data": b"",
        "data/sub": b"",
        "data/sub/file": b"content",
        "data/link": b"",
    }
    mask = os.umask(0o022)
    os.umask(mask)
    assert (tree / "out/data.tar.gz").stat().st_mode & 0o777 == 0o666 & ~mask


def test_dereferencing(tree: Path) -> None:
    succeed(compress_argv("data", "out/a.tgz", dereference=True), tree)
    assert members(tree / "out/a.tgz")["data/link"] == b"content"


@pytest.mark.parametrize("source", [".", "", "data/..", "{tree}"])
def test_an_archive_inside_of_what_it_holds(source: str, tree: Path) -> None:
    """Neither the new archive nor the one that it replaces is in it."""
    path = source.format(tree=tree) if source else str(tree) + "/"
    target = f"{tree}/out/a.tgz" if path.startswith("/") else "out/a.tgz"
    for _ in range(2):
        succeed(compress_argv(path, target), tree)
    names = {name.split("/", 1)[-1] for name in members(tree / "out/a.tgz")}
    assert "data/sub/file" in names
    assert not [name for name in names if "a.tgz" in name or ".f7t" in name]
    assert files(tree / "out") == {"a.tgz"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_go_both_ways(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / name).write_bytes(b"x")
    (tmp_path / "out").mkdir()
    succeed(compress_argv(name, f"{name}.tgz"), tmp_path)
    assert members(tmp_path / f"{name}.tgz") == {name: b"", f"{name}/{name}": b"x"}
    succeed(extract_argv(f"{name}.tgz", "out", ArchiveKind.TAR_GZIP), tmp_path)
    assert files(tmp_path / "out") == {name, f"{name}/{name}"}
    succeed(extract_argv(f"{name}.tgz", name, ArchiveKind.GZIP), tmp_path)
    assert (tmp_path / name / name / name).exists()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_of_zip_files(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    for other, content in ((f"{name}.zip", b"right"), ("-other.zip", b"wrong")):
        with zipfile.ZipFile(tmp_path / other, "w") as archive:
            archive.writestr("member", content)
    succeed(extract_argv(f"{name}.zip", name, ArchiveKind.ZIP), tmp_path)
    assert (tmp_path / name / "member").read_bytes() == b"right"


@pytest.mark.parametrize("target", ["nowhere/a.tgz", "out"])
def test_what_cannot_be_compressed(target: str, tree: Path) -> None:
    before = files(tree)
    for source in ("absent", "data"):
        done = run(compress_argv(source, target), tree)
        assert done.returncode != 0
        assert done.stderr
    assert files(tree) == before


def test_a_failure_keeps_the_older_archive(tree: Path) -> None:
    (tree / "out/a.tgz").write_bytes(b"older")
    done = run(compress_argv("absent", "out/a.tgz"), tree)
    assert done.returncode == 2
    assert "absent: Cannot stat: No such file or directory" in done.stderr
    assert (tree / "out/a.tgz").read_bytes() == b"older"
    assert files(tree / "out") == {"a.tgz"}


@pytest.mark.parametrize("attempt", range(20))
def test_an_ended_command_leaves_nothing(attempt: int, tree: Path) -> None:
    """Also if it is ended at its very beginning."""
    with (tree / "data/endless").open("wb") as endless:
        endless.truncate(1 << 40)
    with subprocess.Popen(
        compress_argv("data", "out/a.tgz"), cwd=tree, start_new_session=True
    ) as process:
        while not files(tree / "out"):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGTERM)
        try:
            assert process.wait(timeout=30) == 143
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert files(tree / "out") == set()


@pytest.mark.parametrize(
    ("kind", "tool"), [(ArchiveKind.GZIP, "gzip"), (ArchiveKind.BZIP2, "bzip2")]
)
def test_one_compressed_file(kind: ArchiveKind, tool: str, tree: Path) -> None:
    (tree / "file").write_bytes(b"new")
    (tree / "out/file").write_bytes(b"a longer text")
    subprocess.run([tool, "--keep", "file"], cwd=tree, check=True)
    succeed(extract_argv(f"file{kind.value}", "out", kind), tree)
    assert (tree / "out/file").read_bytes() == b"new"
    (tree / f"file{kind.value}").rename(tree / "other")
    succeed(extract_argv("other", ".", kind), tree)
    assert (tree / "other.out").read_bytes() == b"new"


@pytest.mark.parametrize("kind", list(ArchiveKind))
def test_broken_archives(kind: ArchiveKind, tree: Path) -> None:
    (tree / "broken").write_bytes(b"\x1f\x8b\x08\x00 nothing of the kind")
    before = files(tree)
    done = run(extract_argv("broken", "out", kind), tree)
    assert done.returncode != 0
    assert done.stderr
    assert files(tree) == before


@pytest.mark.parametrize("kind", list(ArchiveKind))
@pytest.mark.parametrize("target", ["nowhere", "file"])
def test_a_target_that_is_no_directory(kind: ArchiveKind, target: str, tree: Path) -> None:
    (tree / "file").touch()
    with zipfile.ZipFile(tree / "a.zip", "w") as archive:
        archive.writestr("x", "")
    with tarfile.open(tree / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"))
    for tool in ("gzip", "bzip2"):
        subprocess.run([tool, "--keep", "a.tar"], cwd=tree, check=True)
    source = "a.tar" + kind.value if kind in {ArchiveKind.GZIP, ArchiveKind.BZIP2} else "a" + kind
    before = files(tree)
    assert run(extract_argv(source, target, kind), tree).returncode != 0
    assert files(tree) == before


def test_members_do_not_escape(tree: Path) -> None:
    outside = tree / "outside"
    outside.mkdir()
    with tarfile.open(tree / "evil.tar", "w") as tar:
        for name in ("../up", f"{outside}/absolute", "fine"):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
        inside = tarfile.TarInfo("link/through")
        inside.size = 1
        tar.addfile(inside, io.BytesIO(b"x"))
    with zipfile.ZipFile(tree / "evil.zip", "w") as archive:
        for name in ("../up", f"{outside}/absolute", "fine"):
            archive.writestr(name, "x")
    for kind in (ArchiveKind.TAR, ArchiveKind.ZIP):
        done = run(extract_argv(f"evil{kind.value}", "out", kind), tree)
        assert done.returncode != 0
        assert (tree / "out/fine").exists()
        assert files(outside) == set()
        assert not (tree / "up").exists()
        (tree / "out/fine").unlink()
