"""Arguments reach the program literally, whatever they are; nothing in them is executed."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from f7t.errors import CommandFailed
from f7t.ssh.quoting import command_line, path_bytes, safe_text, without_noise

WORDS = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=30)
SHELLISH = st.text("'\"\\$`!*?[]{}()<>|&;#~ \n\t\r=%^aé", max_size=20)
SHELLS = ["sh", "bash"]


def run(shell: str, line: str) -> subprocess.CompletedProcess[bytes]:
    """What sshd does with the text of an exec request."""
    return subprocess.run([shell, "-c", line], check=False, capture_output=True)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=60, deadline=None)
@given(words=st.lists(WORDS | SHELLISH, max_size=8))
@example(words=["$(touch /nonexistent/x)", "`id`", "'; id #", '"$HOME"', "a\nid\n", "-n", ""])
@example(words=["", "\\", "'\\''", "!!", "\x1e", "é\u2028"])
def test_a_real_shell_hands_every_argument_over_unchanged(shell: str, words: list[str]) -> None:
    done = run(shell, command_line(["printf", "%s\\0", "first", *words]))
    assert done.returncode == 0
    received = without_noise(done.stdout).split(b"\0")[1:-1]
    assert received == [word.encode() for word in words]


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=30, deadline=None)
@given(value=WORDS | SHELLISH)
def test_variables_keep_their_values(shell: str, value: str) -> None:
    line = command_line(["sh", "-c", 'printf %s "$A_1"'], {"A_1": value})
    assert without_noise(run(shell, line).stdout) == value.encode()


def test_messages_are_in_the_c_locale_unless_the_caller_wants_another() -> None:
    show = ["printenv", "LC_ALL"]
    assert without_noise(run("sh", command_line(show)).stdout) == b"C\n"
    assert without_noise(run("sh", command_line(show, {"LC_ALL": "x"})).stdout) == b"x\n"


def test_what_a_start_up_file_prints_is_cut_off() -> None:
    noisy = "echo noise; echo noise >&2; " + command_line(["sh", "-c", "echo out; echo err >&2"])
    done = run("sh", noisy)
    assert without_noise(done.stdout) == b"out\n"
    assert without_noise(done.stderr) == b"err\n"
    assert without_noise(b"never began") == b"never began"


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        ([], {}),
        ([""], {}),
        (["A=b", "true"], {}),
        (["-i", "true"], {}),
        (["true", "a\0b"], {}),
        (["true", "\udcff"], {}),
        (["true"], {"": "x"}),
        (["true"], {"A-B": "x"}),
        (["true"], {"1A": "x"}),
        (["true"], {"A": "x\0"}),
        (["true"], {"A\n": "x"}),
    ],
)
def test_what_cannot_be_carried_is_an_error(argv: list[str], environment: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        command_line(argv, environment)


def test_a_line_longer_than_a_shell_takes_is_not_sent() -> None:
    with pytest.raises(CommandFailed, match="Argument list too long"):
        command_line(["true", "x" * 131072])


def test_paths_are_bytes_and_shown_safely() -> None:
    assert path_bytes("é/\udcff") == b"\xc3\xa9/\xff"
    assert safe_text(b"\xc3\xa9 \xff") == "é \\xff"
    safe_text(bytes(range(256))).encode("utf-8")
