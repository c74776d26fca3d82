"""Fetching the real servers: what can go wrong on any machine, and once the whole thing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.real import cache, keycloak, minio, tools
from f7t_testbuild.real.cache import Unobtainable
from f7t_testbuild.runtime import RuntimeFailure
from tests.support.live import until

JAVA_17 = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"
Program = Callable[[str, str], None]


def quiet(_: str) -> None:
    """No progress."""


def refused(call: Callable[[], object]) -> Unobtainable:
    with pytest.raises(Unobtainable) as caught:
        call()
    return caught.value


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("F7T_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def program(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A PATH on which only those programs are that the test writes."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    for name in ("JAVA_HOME", keycloak.VERSION_VARIABLE, minio.VERSION_VARIABLE):
        monkeypatch.delenv(name, raising=False)

    def write(name: str, script: str) -> None:
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)

    return write


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("F7T_CACHE", "/one")
    assert cache.cache_root() == Path("/one")
    monkeypatch.delenv("F7T_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert cache.cache_root() == Path("/two/f7t")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_root() == Path.home() / ".cache" / "f7t"


def test_an_unfinished_server_is_never_seen(kept: Path) -> None:
    abandoned = kept / "kind" / f"{cache._UNFINISHED}of-a-crash"
    abandoned.mkdir(parents=True)

    def fails(directory: Path) -> None:
        (directory / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.obtain("kind", "name", fails, quiet)

    assert [path.name for path in (kept / "kind").iterdir()] == [".lock"]


def test_two_at_once_make_it_once(kept: Path) -> None:
    made: list[Path] = []
    begun, waiting = threading.Event(), threading.Event()

    def make(directory: Path) -> None:
        made.append(directory)
        begun.set()
        waiting.wait(30)
        (directory / "program").write_text("whole")

    first = threading.Thread(target=cache.obtain, args=("kind", "name", make, quiet))
    first.start()
    begun.wait(30)

    def told(text: str) -> None:
        assert text == "waiting for who fetches kind now"
        waiting.set()

    found = cache.obtain("kind", "name", make, told)
    first.join()

    assert len(made) == 1
    assert waiting.is_set()
    assert found == kept / "kind" / "name"
    assert (found / "program").read_text() == "whole"


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("F7T_CACHE", "/dev/null/cache")
    failure = refused(lambda: cache.obtain("kind", "name", quiet, quiet))  # type: ignore[arg-type]

    assert "/dev/null/cache/kind cannot be written: Not a directory" in failure.message
    assert "F7T_CACHE" in failure.hint


def test_no_java(program: Program) -> None:
    failure = refused(lambda: keycloak.obtain(quiet))

    assert failure.message == "Keycloak needs Java: no java in PATH"
    assert "openjdk-17-jre-headless" in failure.hint
    assert "--identity embedded" in failure.hint


def test_no_java_where_java_home_points(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("java", JAVA_17)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert f"no java in JAVA_HOME ({tmp_path / 'gone'})" in refused(keycloak.find_java).message


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_412"])
def test_an_old_java(program: Program, version: str) -> None:
    program("java", f"echo 'openjdk version \"{version}\"' >&2")
    message = refused(keycloak.find_java).message

    assert message.startswith("Keycloak needs Java 17 or newer: ")
    assert version in message


def test_a_java_that_does_not_work(program: Program) -> None:
    program("java", "echo 'cannot find libjvm.so'; exit 3")
    failure = refused(keycloak.find_java)

    assert failure.message.endswith("does not work (java: exit status 3)")
    assert failure.log_tail == ("cannot find libjvm.so",)


def test_no_maven(program: Program, kept: Path) -> None:
    program("java", JAVA_17)
    failure = refused(lambda: keycloak.obtain(quiet))

    assert "no mvn in PATH" in failure.message
    assert [path.name for path in kept.glob("keycloak/*")] == [".lock"]


def test_maven_refuses(program: Program) -> None:
    program("java", JAVA_17)
    program("mvn", "printf '\\033[1;31m[ERROR]\\033[m Could not find artifact\\n'; exit 1")
    failure = refused(lambda: keycloak.obtain(quiet))

    assert "Maven cannot get org.keycloak:keycloak-quarkus-dist:" in failure.message
    assert failure.log_tail == ("[ERROR] Could not find artifact",)
    assert keycloak.VERSION_VARIABLE in failure.hint


@pytest.mark.parametrize("version", [keycloak.PINNED, "26.0.0"])
def test_an_archive_that_was_changed(program: Program, tmp_path: Path, version: str) -> None:
    name = f"keycloak-quarkus-dist-{version}.tar.gz"
    place = tmp_path / "m2/org/keycloak/keycloak-quarkus-dist" / version
    place.mkdir(parents=True)
    (place / name).write_bytes(b"something else")
    published = hashlib.sha1(b"published", usedforsecurity=False).hexdigest()
    (place / f"{name}.sha1").write_text(f"{published}  {name}\n")
    program("java", JAVA_17)
    program("mvn", f'case "$*" in *evaluate*) printf {tmp_path}/m2;; esac')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(keycloak.VERSION_VARIABLE, version)
        failure = refused(lambda: keycloak.obtain(quiet))

    assert "is not what was published" in failure.message
    assert f"remove the directory {place}" in failure.hint


def test_an_archive_whose_checksum_is_right_or_missing(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"published")
    assert "there is no checksum" in refused(lambda: keycloak.verify(archive, "26.0.0")).message

    digest = hashlib.sha1(b"published", usedforsecurity=False).hexdigest()
    archive.with_name("a.tar.gz.sha1").write_text(digest)
    keycloak.verify(archive, "26.0.0")


@pytest.mark.parametrize("version", ["latest", "26", "26.7.3 -Dx=y"])
def test_what_is_no_keycloak_version(
    program: Program, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv(keycloak.VERSION_VARIABLE, version)
    assert repr(version) in refused(lambda: keycloak.obtain(quiet)).message


def test_no_go(program: Program, kept: Path) -> None:
    failure = refused(lambda: minio.obtain(quiet))

    assert failure.message == "MinIO is compiled with Go: no go in PATH"
    assert "Go 1.24" in failure.hint
    assert "--store embedded" in failure.hint
    assert [path.name for path in kept.glob("minio/*")] == [".lock"]


@pytest.mark.parametrize(
    ("version", "toolchain", "possible"),
    [
        ("go1.19.8", "", False),
        ("go1.23.5", "local", False),
        ("go1.23.5", "auto", True),
        ("go1.26.8", "local", True),
    ],
)
def test_which_go_is_new_enough(
    program: Program, version: str, toolchain: str, possible: bool
) -> None:
    program("go", f"echo {version}; echo {toolchain}")
    if possible:
        assert minio.find_go().name == "go"
    else:
        assert f"MinIO needs Go 1.24: {tools.find('go', GONE)} is {version}" in (
            refused(minio.find_go).message
        )


GONE = tools.Complaint("it was here", "")


def test_a_build_that_fails(program: Program) -> None:
    program("go", 'test "$1" = env && echo go1.26.8 && exit; echo "no space left"; exit 1')
    failure = refused(lambda: minio.obtain(quiet))

    assert f"Go cannot build {minio.MODULE}@{minio.PINNED} (go: exit status 1)" in failure.message
    assert failure.log_tail == ("no space left",)
    assert "GOPROXY" in failure.hint


def test_a_build_that_says_something_else(program: Program) -> None:
    program(
        "go",
        'test "$1" = env && echo go1.26.8 && exit\n'
        'printf "#!/bin/sh\\necho minio version DEVELOPMENT.GOGET" > "$GOBIN/minio"\n'
        '/bin/chmod 755 "$GOBIN/minio"',
    )
    failure = refused(lambda: minio.obtain(quiet))

    assert "does not say SOURCE.2026-02-12T20-18-48Z" in failure.message


@pytest.mark.parametrize("version", ["latest", "v1.2.3", "main@x"])
def test_what_is_no_minio_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv(minio.VERSION_VARIABLE, version)
    assert repr(version) in refused(minio.chosen_source).message


def test_a_release_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(minio.VERSION_VARIABLE, "RELEASE.2025-10-15T17-29-55Z")
    source = minio.chosen_source()

    assert (source.tag, source.time) == ("RELEASE.2025-10-15T17-29-55Z", "2025-10-15T17:29:55Z")


def test_a_tool_that_hangs(tmp_path: Path) -> None:
    """Its children go too."""
    mark = tmp_path / "child"
    script = f"sleep 1000 & echo $! > {mark}; echo begun; wait"
    failure = refused(
        lambda: tools.run(["sh", "-c", script], tools.Complaint("it hangs", "wait"), timeout=1)
    )

    assert failure.message == "it hangs (sh: not finished after 1 s)"
    assert failure.log_tail == ("begun",)
    until(lambda: None if _runs(int(mark.read_text())) else True, what="the child is gone")


def _runs(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_interrupt_ends_the_tool(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 1000"
    call = f"tools.run(['sh', '-c', {script!r}], tools.Complaint('', ''), timeout=1000)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"from f7t_testbuild.real import tools\n{call}"],
        stderr=subprocess.DEVNULL,
    )
    until(lambda: True if mark.exists() else None, what="the tool runs")
    process.send_signal(2)

    assert process.wait(30) != 0
    until(lambda: None if _runs(int(mark.read_text())) else True, what="the tool is gone")


def test_the_runtime_says_what_is_missing(program: Program, tmp_path: Path) -> None:
    """And has not begun anything."""
    testbuild = model.Testbuild("x", 23000, tmp_path / "state")
    for identity, store, said in (
        ("keycloak-from-maven", "embedded", "no java in PATH"),
        ("embedded", "minio-from-source", "no go in PATH"),
        ("magic", "embedded", "there is no identity 'magic'"),
        ("embedded", "magic", "with store 'magic'"),
    ):
        with pytest.raises(RuntimeFailure, match=said) as caught:
            NativeRuntime(testbuild, identity=identity, store=store).up(quiet)
        assert "embedded" in caught.value.hint
        assert not testbuild.directory.exists()


@pytest.mark.timeout(4000)
def test_the_real_ones(with_real_servers: None) -> None:
    """With F7T_CACHE on an empty directory it also measures how long that takes."""
    told: list[str] = []
    began = time.monotonic()
    store, identity = minio.obtain(told.append), keycloak.obtain(told.append)
    print(f"obtained in {time.monotonic() - began:.0f} s: {told}")
    said = subprocess.run(
        [store.program, "--version"], capture_output=True, text=True, check=True
    ).stdout

    assert f"minio version {store.version} (commit-id={minio.chosen_source().commit})" in said
    assert identity.version in (identity.directory / "version.txt").read_text()
    assert (identity.directory / "lib" / "quarkus" / "build-system.properties").exists()

    again: list[str] = []
    assert (minio.obtain(again.append), keycloak.obtain(again.append)) == (store, identity)
    assert again == []
