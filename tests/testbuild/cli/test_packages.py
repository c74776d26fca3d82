"""System packages: what is missing, what a person is told, and that no service gets started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from f7t_testbuild import packages
from f7t_testbuild.invocation import command_line
from f7t_testbuild.packages import PACKAGES, Package

F7t = Callable[..., Result]


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program is found, as on a machine where nothing was installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "_SYSTEM_DIRECTORIES", ())
    monkeypatch.setattr(packages, "is_debian", lambda: True)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_each_program_comes_from_the_package_that_is_named(package: Package) -> None:
    """A present program must belong to the package we would install for it."""
    assert package.name in packages.installed()
    listing = subprocess.run(
        ["dpkg-query", "--listfiles", package.name], capture_output=True, text=True, check=True
    ).stdout
    names = {line.rpartition("/")[2].removesuffix("-wlm") for line in listing.splitlines()}
    for program in package.provides:
        found = packages.find_program(program)
        assert found is not None
        assert found.name in names


def test_programs_in_sbin_are_found_with_the_path_of_an_ordinary_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")

    assert packages.missing() == {}


def test_what_is_missing_is_told_by_program() -> None:
    mixed = Package("curl", ("curl", "no-such-program"))

    assert packages.missing([mixed, Package("file", ("file",))]) == {mixed: ("no-such-program",)}


def test_a_directory_or_plain_file_is_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f7t-directory").mkdir()
    (tmp_path / "f7t-text").touch()
    monkeypatch.setenv("PATH", str(tmp_path))

    assert packages.find_program("f7t-directory") is None
    assert packages.find_program("f7t-text") is None


@pytest.mark.usefixtures("bare_machine")
def test_up_without_permission_to_install_says_the_exact_command(f7t: F7t) -> None:
    result = f7t("up", "--no-install")

    assert result.exit_code == 2
    names = " ".join(package.name for package in PACKAGES if package.name != "libnss-wrapper")
    commands = [line for line in result.stderr.splitlines() if line.startswith("  sudo ")]
    assert [line.strip().replace(" libnss-wrapper", "") for line in commands] == [
        f"sudo apt-get install --no-install-recommends {names}",
        f"sudo {command_line('packages')}",
    ]


@pytest.mark.usefixtures("bare_machine")
def test_haproxy_is_asked_for_with_several_gateways_only(f7t: F7t) -> None:
    assert "haproxy" not in f7t("up", "--no-install").stderr
    result = f7t("up", "--no-install", "--gateways", "2")

    assert result.exit_code == 2
    assert "haproxy" in result.stderr.splitlines()[0]
    assert f"sudo {command_line('packages --gateways 2')}" in result.stderr
    assert "--gateways 1 does without it" in result.stderr


@pytest.mark.usefixtures("bare_machine")
def test_missing_packages_are_one_json_document_with_json(f7t: F7t) -> None:
    result = f7t("up", "--no-install", "--json")

    assert result.exit_code == 2
    assert '"error"' in result.stdout
    assert "slurmctld" in result.stdout


@pytest.mark.usefixtures("bare_machine")
def test_without_root_nothing_is_tried(f7t: F7t, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    result = f7t("packages")

    assert result.exit_code == 2
    assert "sudo apt-get install" in result.stderr


@pytest.mark.usefixtures("bare_machine")
def test_on_another_distribution_the_programs_are_named(
    f7t: F7t, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "is_debian", lambda: False)

    result = f7t("packages")

    assert result.exit_code == 2
    assert "munged, mariadbd, sshd" in result.stderr
    assert "apt-get" not in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nVERSION_ID="12"\n', True),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ("ID=fedora\n", False),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', False),
        ("", False),
    ],
)
def test_debian_and_its_kin_are_recognised(tmp_path: Path, text: str, expected: bool) -> None:
    file = tmp_path / "os-release"
    file.write_text(text)

    assert packages.is_debian(file) is expected


def test_no_os_release_is_not_debian(tmp_path: Path) -> None:
    assert not packages.is_debian(tmp_path / "absent")


def _use_the_policy_then_fail(path: Path) -> None:
    with packages.services_kept_off(path):
        # invoke-rc.d asks it like this; 101 means "forbidden".
        assert subprocess.run([path, "redis-server", "start"], check=False).returncode == 101
        raise KeyboardInterrupt


def test_services_are_forbidden_while_installing_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "policy-rc.d"

    with pytest.raises(KeyboardInterrupt):
        _use_the_policy_then_fail(path)

    assert not path.exists()


def test_an_existing_policy_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "policy-rc.d"
    path.write_text("theirs")

    with packages.services_kept_off(path):
        assert path.read_text() == "theirs"

    assert path.read_text() == "theirs"


def test_units_and_init_scripts_of_a_real_package_are_found() -> None:
    listing = subprocess.run(
        ["dpkg-query", "--listfiles", "redis-server"], capture_output=True, text=True, check=True
    ).stdout.splitlines()

    # redis-server@.service is a template: there is nothing to disable.
    assert packages.units_of(listing) == ("redis-server.service",)
    assert packages.init_scripts_of(listing) == ("redis-server",)


def test_a_failing_apt_get_shows_its_last_lines() -> None:
    with pytest.raises(packages.InstallationFailed) as failure:
        packages._apt(["install", "--simulate", "f7t-no-such-package"])

    assert "f7t-no-such-package" in "\n".join(failure.value.log_tail)
