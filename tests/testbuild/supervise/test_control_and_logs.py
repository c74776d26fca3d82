"""The control protocol against bad peers, and the size of logs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from f7t_testbuild.supervise import control, notify
from f7t_testbuild.supervise.logs import cap, open_log, tail
from tests.testbuild.supervise.supervision import Supervision, shell

Start = Callable[..., Supervision]


@pytest.mark.parametrize("line", [b"no json", b"[]", b"{}", b'{"command": "dance"}', b"\xff\xfe"])
def test_bad_requests_are_answered(start: Start, line: bytes) -> None:
    supervision = start([shell("p", "exec sleep 1000")])
    supervision.wait("READY")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(supervision.directory / "control.sock"))
        with connection.makefile("rwb") as stream:
            stream.write(line + b"\n")
            stream.flush()
            refused = json.loads(stream.readline())
            stream.write(b'{"command": "status"}\n')
            stream.flush()
            answered = json.loads(stream.readline())

    assert refused["ok"] is False
    assert "bad request" in refused["error"]
    assert answered["parts"][0]["state"] == "ready"


def test_the_control_socket_is_private(start: Start) -> None:
    supervision = start([shell("p", "exec sleep 1000")])
    supervision.wait("READY")

    assert (supervision.directory / "control.sock").stat().st_mode & 0o777 == 0o600


def test_nobody_listens(directory: Path) -> None:
    with pytest.raises(control.NotRunning):
        control.ask(directory / "absent.sock", "status")
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(directory / "stale.sock"))
    with pytest.raises(control.NotRunning):
        control.ask(directory / "stale.sock", "status")


def test_a_log_is_capped_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "p.log"
    descriptor = open_log(path)
    os.write(descriptor, b"x" * 100)
    cap([path, tmp_path / "absent.log"], largest=100)
    assert path.stat().st_size == 100

    os.write(descriptor, b"yy")
    cap([path], largest=100)
    os.write(descriptor, b"after\n")
    os.close(descriptor)

    assert path.read_text() == "after\n"
    assert path.with_name("p.log.1").stat().st_size == 102


def test_tail(tmp_path: Path) -> None:
    path = tmp_path / "p.log"
    path.write_text("".join(f"{number}\n" for number in range(20000)))

    assert tail(path, 2) == ("19998", "19999")
    assert tail(tmp_path / "absent") == ()


def test_notify_keeps_one_line_per_value() -> None:
    ours, theirs = notify.pair()
    with ours, theirs:
        notify.send(theirs, ERROR="two\nlines", PART="p")
        message = notify.receive(ours)
        assert message is not None
        assert message.values == {"ERROR": "two lines", "PART": "p"}
        theirs.close()
        assert notify.receive(ours) is None
        notify.send(ours, READY="1")
