"""What goes into a base made here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from f7t_testbuild.images import bases
from f7t_testbuild.images.bases import BASES, bootstrap_command, certificates, source_lines
from f7t_testbuild.images.sources import Mirror

MIRROR = Mirror("http://m.example/debian", "http://m.example/debian-security")


def test_a_debian_base_has_updates_and_security() -> None:
    assert source_lines(BASES["debian:bookworm-slim"], MIRROR) == (
        "deb http://m.example/debian bookworm main",
        "deb http://m.example/debian bookworm-updates main",
        "deb http://m.example/debian-security bookworm-security main",
    )


def test_without_a_security_archive_there_is_no_line_for_it() -> None:
    lines = source_lines(BASES["debian:trixie-slim"], Mirror("http://m.example/debian", None))
    assert not [line for line in lines if "security" in line]


def test_bullseye_takes_the_plain_release_only() -> None:
    assert source_lines(BASES["debian:bullseye-slim"], MIRROR) == (
        "deb http://m.example/debian bullseye main",
    )


def test_ubuntu_has_universe_where_slurm_is_and_its_own_keys() -> None:
    lines = source_lines(BASES["ubuntu:20.04"], Mirror("http://m.example/u", "http://m.example/u"))

    assert [line.split()[3] for line in lines] == ["focal", "focal-updates", "focal-security"]
    assert all(line.endswith("main universe") for line in lines)
    assert all("signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg" in line for line in lines)
    assert "ubuntu-keyring" in [package.name for package in BASES["ubuntu:20.04"].packages]


def test_certificates_of_all_directories_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/one.crt", "a/private.key", "two.crt"):
        (tmp_path / name).touch()

    found = certificates([tmp_path / "a", tmp_path, tmp_path / "absent"])

    assert found == (tmp_path / "a" / "one.crt", tmp_path / "two.crt")


def test_the_hook_copies_certificates_whatever_their_files_are_called(tmp_path: Path) -> None:
    odd = tmp_path / "it's $HOME; a.crt"
    odd.write_text("certificate")
    base = BASES["debian:bookworm-slim"]
    command = bootstrap_command(base, MIRROR, tmp_path / "base.tar", [odd])
    hook = next(word for word in command if word.startswith("--customize-hook="))

    # As mmdebstrap runs it: a shell, the new root as first argument.
    script = hook.removeprefix("--customize-hook=")
    subprocess.run(["sh", "-c", script, "exec", str(tmp_path / "root")], check=True, env=os.environ)

    inside = tmp_path / "root" / str(bases.MACHINE_CERTIFICATES).lstrip("/") / odd.name
    assert inside.read_text() == "certificate"


def test_without_certificates_there_is_no_hook(tmp_path: Path) -> None:
    command = bootstrap_command(BASES["debian:bookworm-slim"], MIRROR, tmp_path / "base.tar", [])
    assert not [word for word in command if word.startswith("--customize-hook")]
