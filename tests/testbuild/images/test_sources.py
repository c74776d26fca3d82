"""Debian's mirror is found in what apt reads, in both formats, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild.images.sources import Mirror, debian_mirror

DEB822 = """\
# modernised
Types: deb deb-src
# a snapshot was used once
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
"""

ONE_LINE = """\
# deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main

deb-src http://sources.example/debian bookworm main
deb [arch=x,y signed-by=/usr/share/keyrings/k.gpg] https://mirror.example/debian bookworm main
deb https://security.example/debian-security/ bookworm-security main
"""


def configured(apt: Path, name: str, text: str) -> Path:
    path = apt / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return apt


@pytest.mark.parametrize(
    ("name", "text", "scheme"),
    [
        ("sources.list.d/debian.sources", DEB822, "http"),
        ("sources.list", ONE_LINE, "https"),
        ("sources.list.d/own.list", ONE_LINE, "https"),
    ],
)
def test_archive_and_security_are_found(tmp_path: Path, name: str, text: str, scheme: str) -> None:
    found = debian_mirror(configured(tmp_path, name, text))

    assert found == Mirror(
        f"{scheme}://mirror.example/debian",
        f"{scheme}://security.example/debian-security",
    )


def test_sources_of_others_are_no_debian_mirror(tmp_path: Path) -> None:
    others = (
        "deb https://packages.example/apt cloud-sdk-bookworm main\n"
        "deb http://archive.example/ubuntu noble main universe\n"
        "deb https://node.example/node_20.x nodistro main\n"
    )
    assert debian_mirror(configured(tmp_path, "sources.list", others)) is None


def test_backports_and_updates_alone_are_not_the_archive(tmp_path: Path) -> None:
    text = "".join(
        f"deb http://m.example/d bookworm-{it} main\n" for it in ("updates", "backports")
    )
    assert debian_mirror(configured(tmp_path, "sources.list", text)) is None


def test_a_source_that_is_switched_off_is_not_used(tmp_path: Path) -> None:
    off = DEB822.replace("Types: deb deb-src", "Enabled: no\nTypes: deb", 1)
    assert debian_mirror(configured(tmp_path, "sources.list.d/a.sources", off)) is None


def test_only_sources_of_source_code_are_no_mirror(tmp_path: Path) -> None:
    text = DEB822.replace("Types: deb deb-src", "Types: deb-src", 1)
    assert debian_mirror(configured(tmp_path, "sources.list.d/a.sources", text)) is None


def test_a_mirror_list_stands_for_its_first_mirror(tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text(
        "# comment\nhttps://first.example/debian/ priority:1\nhttps://second.example/d\n"
    )
    text = f"Types: deb\nURIs: mirror+file://{listed}\nSuites: trixie\nComponents: main\n"

    assert debian_mirror(configured(tmp_path, "sources.list.d/a.sources", text)) == Mirror(
        "https://first.example/debian", None
    )


def test_what_a_container_could_not_use_is_passed_over(tmp_path: Path) -> None:
    text = "deb cdrom:[Debian]/ bookworm main\ndeb http://m.example/debian bookworm main\n"
    found = debian_mirror(configured(tmp_path, "sources.list", text))
    assert found == Mirror("http://m.example/debian", None)


def test_a_machine_without_apt_has_no_mirror(tmp_path: Path) -> None:
    assert debian_mirror(tmp_path / "absent") is None
