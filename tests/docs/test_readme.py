"""Every command of README.md is executed, in the checkout and with a testbuild of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.native.ways import WayName, choose_way
from f7t_testbuild.ports import is_free
from f7t_testbuild.remembered import recall
from tests.docs.pages import ROOT, blocks
from tests.support.live import free_port_base

PAGE = ROOT / "README.md"
EXEMPT = "make test"
"""The only command that is not executed: it is what runs this test."""
SECOND_BASE = 18000
"""The port base that the page names for a second testbuild."""


@pytest.fixture
def surroundings() -> Iterator[Mapping[str, str]]:
    """Environment in which the default testbuild is one of this test's own; all are taken down."""
    if choose_way().name is WayName.NSS_WRAPPER:
        pytest.skip("only one testbuild at a time is possible without namespaces")
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    made = [path for path in (ROOT / "script.sh",) if not path.exists()]
    try:
        yield {
            **os.environ,
            "F7T_NAME": "readme",
            "F7T_PORT_BASE": str(free_port_base()),
            "F7T_STATE_ROOT": str(root),
        }
    finally:
        for name in ("readme", "second"):
            kept = recall(root, name)
            if kept is not None:
                testbuild = model.Testbuild(name, kept.port_base, root)
                NativeRuntime(testbuild).down(lambda _: None, purge=True)
        shutil.rmtree(root, ignore_errors=True)
        for path in made:
            path.unlink(missing_ok=True)


def second_base(other: int) -> int:
    """The page's own port base if its ports are free, otherwise one beside `other`."""
    candidates: list[int] = [SECOND_BASE, *range(other + 100, other + 900, 100)]
    for base in candidates:
        if all(map(is_free, model.Testbuild(port_base=base).ports.values())):
            return base
    raise RuntimeError("no free ports for a second testbuild")


def session(page: Path, second: int) -> str:
    """All shell blocks as one script that stops at the first failure and tells each command."""
    lines = "\n".join(blocks(page, "sh")).splitlines()
    exempt = [line for line in lines if line.partition("#")[0].strip() == EXEMPT]
    assert len(exempt) == 1, f"{EXEMPT} is expected once"
    kept = [line for line in lines if line not in exempt]
    text = "\n".join(kept).replace(f"--port-base {SECOND_BASE}", f"--port-base {second}")
    assert str(second) in text
    return f"set -e -o pipefail -v\n{text}\n"


@pytest.mark.timeout(420)
def test_every_command_of_the_readme_succeeds(surroundings: Mapping[str, str]) -> None:
    second = second_base(int(surroundings["F7T_PORT_BASE"]))
    done = subprocess.run(
        ["bash", "-c", session(PAGE, second)],
        cwd=ROOT,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"proved in \d+\.\d s", done.stdout)
    assert '"List of systems with status and description."' in done.stdout
    assert "test_file.txt" in done.stdout
    assert '"Task created"' in done.stdout
    assert re.search(r"\[full\]: \d+ pass", done.stdout)


def test_the_exemption_is_in_the_readme_as_the_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    assert EXEMPT in ci
