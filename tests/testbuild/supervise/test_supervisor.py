"""The supervisor with real processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from f7t_testbuild.supervise import control
from f7t_testbuild.supervise.part import Check, CheckKind, Part
from f7t_testbuild.supervise.process import start_time
from tests.support.live import until
from tests.testbuild.supervise.supervision import FOREVER, Start, free_port, python, shell

LISTEN = "import socket, sys; s = socket.socket({family}); s.bind({address}); s.listen(); "


def _lines(directory: Path, name: str = "trace") -> list[str]:
    path = directory / name
    return path.read_text().split() if path.exists() else []


def _gone(pid: int) -> bool:
    return start_time(pid) is None


def test_order_of_start_and_stop(start: Start, directory: Path) -> None:
    """Requirements first, dependants stop first; independent parts do not wait."""
    script = "trap 'echo stop-$0 >> $HERE/trace; exit' TERM; echo start-$0 >> $HERE/trace;"

    def part(name: str, *requires: str) -> Part:
        wait = f"{script} touch $HERE/{name}; while :; do sleep 0.01; done"
        return Part(
            name=name,
            argv=("/bin/sh", "-c", wait, name),
            requires=requires,
            clear=(str(directory / name),),
            ready=Check(CheckKind.FILE, str(directory / name)),
        )

    supervision = start([part("c", "b"), part("b", "a"), part("a")])
    supervision.wait("READY")
    assert _lines(directory) == ["start-a", "start-b", "start-c"]
    assert supervision.stop() == 0
    assert _lines(directory)[3:] == ["stop-c", "stop-b", "stop-a"]
    assert not (directory / "control.sock").exists()
    assert not (directory / "supervisor.json").exists()


def _tcp(directory: Path) -> Part:
    port = free_port()
    code = LISTEN.format(family="socket.AF_INET", address=f"('127.0.0.1', {port})")
    return python(
        "p",
        code + "s.accept(); sys.stdin.read(); import time; time.sleep(1000)",
        ready=Check(CheckKind.TCP, f"127.0.0.1:{port}"),
    )


def _unix(directory: Path) -> Part:
    path = str(directory / "p.sock")
    code = LISTEN.format(family="socket.AF_UNIX", address=repr(path))
    return python("p", code + "import time; time.sleep(1000)", ready=Check(CheckKind.UNIX, path))


def _http(directory: Path) -> Part:
    port = free_port()
    (directory / "index.html").write_text("x")
    argv = ("python3", "-m", "http.server", "--bind", "127.0.0.1", str(port))
    url = f"http://127.0.0.1:{port}/index.html"
    return Part(name="p", argv=argv, directory=str(directory), ready=Check(CheckKind.HTTP, url))


def _command(directory: Path) -> Part:
    ask = ("/bin/sh", "-c", "cat $HERE/said; test -e $HERE/said")
    return shell(
        "p",
        f"echo first > $HERE/said; echo 'all well' >> $HERE/said; {FOREVER}",
        ready=Check(CheckKind.COMMAND, argv=ask, expect="^all w"),
    )


@pytest.mark.parametrize("make", [_tcp, _unix, _http, _command])
def test_readiness(start: Start, directory: Path, make: Callable[[Path], Part]) -> None:
    supervision = start([make(directory), shell("q", FOREVER, requires=("p",))])
    supervision.wait("READY")

    assert {supervision.part(name)["state"] for name in "pq"} == {"ready"}
    assert supervision.stop() == 0


@pytest.mark.parametrize(
    "check",
    [
        Check(CheckKind.FILE, "/nonexistent"),
        Check(CheckKind.TCP, "127.0.0.1:1"),
        Check(CheckKind.COMMAND, argv=("/bin/echo", "no"), expect="yes"),
        Check(CheckKind.COMMAND, argv=("/nonexistent/program",)),
    ],
)
def test_never_ready(start: Start, check: Check) -> None:
    supervision = start([shell("p", FOREVER, ready=check, ready_timeout=0.3)])

    assert supervision.wait("ERROR") == {"ERROR": "not ready after 0.3 s", "PART": "p"}
    assert supervision.process.wait(20) == 1


def test_all_of_several_http_answers_count(start: Start, directory: Path) -> None:
    port = free_port()
    argv = ("python3", "-m", "http.server", "--bind", "127.0.0.1", str(port))
    root = f"http://127.0.0.1:{port}"
    check = Check(CheckKind.HTTP, f"{root}/ {root}/second")
    part = Part(name="p", argv=argv, directory=str(directory), ready=check, ready_timeout=60)
    supervision = start([part])

    def asked() -> bool | None:
        log = directory / "log" / "p.log"
        return True if log.exists() and '"GET /second HTTP/1.1" 404' in log.read_text() else None

    until(asked, what="the second address asked")
    assert supervision.part("p")["state"] == "starting"
    (directory / "second").write_text("here")
    supervision.wait("READY")


def test_http_answer_other_than_200(start: Start, directory: Path) -> None:
    port = free_port()
    argv = ("python3", "-m", "http.server", "--bind", "127.0.0.1", str(port))
    check = Check(CheckKind.HTTP, f"http://127.0.0.1:{port}/absent")
    supervision = start(
        [Part(name="p", argv=argv, directory=str(directory), ready=check, ready_timeout=1)]
    )

    assert supervision.wait("ERROR")["PART"] == "p"


def test_a_crashed_part_is_started_again(start: Start) -> None:
    supervision = start([shell("p", FOREVER), shell("q", FOREVER, requires=("p",))])
    supervision.wait("READY")
    before = supervision.part("p")

    os.kill(before["pid"], signal.SIGKILL)
    after = supervision.reaches("p", "ready", restarts=1)

    assert after["pid"] != before["pid"]
    assert supervision.part("q")["restarts"] == 0


def test_why_it_ended_is_told(start: Start, directory: Path) -> None:
    """The second life ends at once, so it stays in its back-off for some time."""
    check = Check(CheckKind.FILE, str(directory / "once"))
    script = f"test -e $HERE/once && exit 7; touch $HERE/once; {FOREVER}"
    supervision = start([shell("p", script, ready=check)])
    supervision.wait("READY")
    os.kill(supervision.part("p")["pid"], signal.SIGTERM)

    def told() -> bool | None:
        return True if supervision.part("p")["detail"] == "exited with code 7" else None

    until(told, what="reason")
    assert supervision.reaches("p", "restarting", restarts=3)["pid"] is None
    assert supervision.stop() == 0


def test_a_part_that_cannot_start_fails_the_whole(start: Start, directory: Path) -> None:
    supervision = start(
        [
            shell(
                "bad",
                "echo my last words; exit 3",
                start_attempts=3,
                ready=Check(CheckKind.FILE, "/nonexistent"),
            ),
            shell("good", FOREVER),
            shell("never", "touch $HERE/never", requires=("bad",)),
        ]
    )
    error = supervision.wait("ERROR")

    assert supervision.process.wait(20) == 1
    assert error == {"ERROR": "exited with code 3", "PART": "bad"}
    assert supervision.log("bad").splitlines() == ["my last words"] * 3
    assert not (directory / "never").exists()


def test_an_absent_program(start: Start) -> None:
    error = start([Part(name="p", argv=("/nonexistent/program",))]).wait("ERROR")

    assert error["PART"] == "p"
    assert "cannot run /nonexistent/program" in error["ERROR"]
    assert "No such file" in error["ERROR"]


def test_a_part_without_restart(start: Start) -> None:
    supervision = start([shell("p", FOREVER, restart=False)])
    supervision.wait("READY")
    os.kill(supervision.part("p")["pid"], signal.SIGKILL)

    assert supervision.reaches("p", "failed")["detail"] == "ended by SIGKILL"


def test_a_oneshot_holds_back_its_dependants(start: Start, directory: Path) -> None:
    once = shell("once", "sleep 0.1; echo once >> $HERE/trace", oneshot=True)
    after = shell("after", f"echo after >> $HERE/trace; {FOREVER}", requires=("once",))
    supervision = start([after, once])
    supervision.wait("READY")

    until(lambda: True if len(_lines(directory)) == 2 else None)
    assert _lines(directory) == ["once", "after"]
    assert supervision.part("once")["state"] == "ready"
    assert supervision.part("once")["pid"] is None
    assert supervision.stop() == 0


def test_restart_on_demand(start: Start) -> None:
    supervision = start([shell("p", FOREVER)])
    supervision.wait("READY")
    before = supervision.part("p")["pid"]

    supervision.ask("restart", part="p")

    assert supervision.reaches("p", "ready", restarts=1)["pid"] != before
    with pytest.raises(control.ControlFailure, match="nobody"):
        supervision.ask("restart", part="nobody")


def test_logs_and_environment(start: Start) -> None:
    part = shell(
        "p",
        f"echo out $GREETING $OWN; echo err >&2; pwd; {FOREVER}",
        environment={"OWN": "mine"},
        directory="/usr",
    )
    supervision = start([part])
    supervision.wait("READY")

    until(lambda: True if len(supervision.log("p").splitlines()) == 3 else None)
    assert supervision.log("p").splitlines() == ["out hello mine", "err", "/usr"]
    assert (supervision.directory / "log" / "p.log").stat().st_mode & 0o777 == 0o600


def test_children_die_with_a_killed_supervisor(start: Start) -> None:
    supervision = start([shell("p", "sleep 1000 & exec sleep 1000"), shell("q", FOREVER)])
    supervision.wait("READY")
    pids = [supervision.part(name)["pid"] for name in "pq"]

    supervision.process.kill()
    supervision.process.wait()

    until(lambda: True if all(map(_gone, pids)) else None, what="no child left")


def test_orphans_are_adopted_and_end_with_their_part(start: Start, directory: Path) -> None:
    """A daemon that escapes from its part's session is swept when the part dies, and at the end."""
    script = f"setsid sh -c 'echo $$ >> $HERE/trace; {FOREVER}' & sleep 0.1; {FOREVER}"
    supervision = start([shell("p", script)])
    supervision.wait("READY")
    first = until(lambda: _lines(directory) or None)[0]

    os.kill(supervision.part("p")["pid"], signal.SIGKILL)
    until(lambda: True if _gone(int(first)) else None, what="orphan swept")
    second = until(lambda: s if len(s := _lines(directory)) == 2 else None)[1]

    assert supervision.stop() == 0
    assert _gone(int(second))


def test_a_part_that_ignores_the_stop_signal_is_killed(start: Start, directory: Path) -> None:
    part = shell(
        "p",
        "trap '' TERM; touch $HERE/up; while :; do sleep 0.05; done",
        stop_grace=0.2,
        ready=Check(CheckKind.FILE, str(directory / "up")),
    )
    supervision = start([part])
    supervision.wait("READY")
    pid = supervision.part("p")["pid"]

    assert supervision.stop() == 0
    assert _gone(pid)


def test_a_stop_during_the_start(start: Start) -> None:
    never = Check(CheckKind.FILE, "/nonexistent")
    supervision = start([shell("p", FOREVER, ready=never), shell("q", FOREVER, requires=("p",))])
    supervision.wait("STATUS")
    pid = supervision.reaches("p", "starting")["pid"]
    supervision.process.send_signal(signal.SIGTERM)

    assert supervision.process.wait(20) == 0
    assert _gone(pid)


def test_the_supervisor_file_names_the_process(start: Start) -> None:
    supervision = start([shell("p", FOREVER)])
    supervision.wait("READY")
    told = json.loads((supervision.directory / "supervisor.json").read_text())

    assert told["pid"] == supervision.process.pid
    assert told["start_time"] == start_time(supervision.process.pid)
    assert start_time(2**22 + 1) is None
