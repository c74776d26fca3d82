"""docs/tutorial.md is executed: every shell block in one session, and its Python program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from f7t_testbuild.remembered import Choices, recall, remember
from tests.docs.pages import ROOT, blocks
from tests.support.live import Live

PAGE = ROOT / "docs" / "tutorial.md"


def environment(live: Live, temporary: Path) -> dict[str, str]:
    """A shell in which this testbuild is the default one, and `mktemp` stays inside the test."""
    testbuild = live.testbuild
    if recall(testbuild.state_root, testbuild.name) is None:
        remember(testbuild, Choices(port_base=testbuild.port_base))
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "F7T_NAME": testbuild.name,
        "F7T_STATE_ROOT": str(testbuild.state_root),
    }


def run(command: list[str], environment: Mapping[str, str], directory: Path) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def session(live: Live, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Output of all shell blocks in one session, and the directory in which it ended."""
    temporary = tmp_path_factory.mktemp("tutorial")
    script = temporary / "tutorial.sh"
    script.write_text("\n".join([*blocks(PAGE, "sh"), f'pwd > "{temporary}/where"\n']))
    command = ["bash", "-e", "-o", "pipefail", str(script)]
    output = run(command, environment(live, temporary), ROOT)
    return output, Path((temporary / "where").read_text().strip())


def test_all_shell_blocks_run_and_the_sums_agree(session: tuple[str, Path]) -> None:
    output, directory = session
    assert output.endswith("input_file: OK\nbig_file: OK\n"), output
    assert (directory / "input_file").stat().st_size == 2000
    assert (directory / "big_file").stat().st_size > 5 * 1024 * 1024


def test_shell_blocks_show_what_the_page_says(session: tuple[str, Path]) -> None:
    output, directory = session
    shown = [json.loads(block) for block in blocks(PAGE, "json")]
    first_line = output.splitlines()[0]
    systems, _ = json.JSONDecoder().raw_decode(first_line)
    assert systems == shown[0]
    triple = json.loads((directory / "submission.json").read_text())
    announced = next(block for block in shown if isinstance(block, dict) and "success" in block)
    assert triple.keys() == announced.keys()
    for name in ("posted.txt", "denied.txt", "absent.txt"):
        assert (directory / name).read_text().startswith("HTTP/1.1 "), name


def test_the_python_program_runs(live: Live, tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    (tmp_path / "program.py").write_text(program)
    variables = {"FIRECREST_IP": live.url, "TOKEN": live.token("test4")}
    command = [sys.executable, "program.py"]
    output = run(command, {**environment(live, tmp_path), **variables}, tmp_path)
    assert output == "the sums agree\n"
