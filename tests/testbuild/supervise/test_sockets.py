"""Sockets that a supervisor hands to its parts, and that parts hand to each other."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from pathlib import Path

from f7t_testbuild.native.outer import Listener
from f7t_testbuild.supervise.part import Check, CheckKind
from tests.support.live import until
from tests.testbuild.supervise.supervision import FOREVER, Start, free_port, python, shell


def test_inherited_sockets(start: Start, directory: Path) -> None:
    """Descriptors 3 and 4 in order, LISTEN_PID the part's own, open before and after a restart."""
    ports = {name: free_port() for name in ("web", "admin")}
    code = (
        "import os, socket, time;"
        "own = [socket.socket(fileno=n).getsockname()[1] for n in (3, 4)];"
        "listen = [os.environ['LISTEN_FDS'], os.environ['LISTEN_PID'] == str(os.getpid())];"
        f"print(own, listen, flush=True); open({str(directory / 'up')!r}, 'w'); time.sleep(1000)"
    )
    part = python(
        "p",
        code,
        listeners=("admin", "web"),
        clear=(str(directory / "up"),),
        ready=Check(CheckKind.FILE, str(directory / "up")),
    )
    listeners = [Listener(name, port, "p") for name, port in ports.items()]
    supervision = start([part], listeners)
    supervision.wait("READY")
    os.kill(supervision.part("p")["pid"], signal.SIGKILL)
    socket.create_connection(("127.0.0.1", ports["web"])).close()
    supervision.reaches("p", "ready", restarts=1)

    expected = f"[{ports['admin']}, {ports['web']}] ['2', True]"
    assert supervision.log("p").splitlines() == [expected, expected]


def test_a_taken_port_is_told_before_anything_starts(start: Start, directory: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        part = shell("p", f"touch $HERE/never; {FOREVER}")
        supervision = start([part], [Listener("web", port, "p", hold=False)])
        error = supervision.wait("ERROR")

    assert error["PART"] == "p"
    assert error["ERROR"] == f"port {port} of 127.0.0.1 (web): Address already in use"
    assert supervision.process.wait(20) == 1
    assert not (directory / "never").exists()


OFFER = """
import os, socket, sys, time
from f7t_testbuild.supervise import notify
line = notify.inherited()
notify.send(line, STATUS="half way")
web = socket.create_server(("127.0.0.1", 0))
notify.send(line, web.fileno(), FDSTORE="1", FDNAME="offered")
web.close()
{end}
"""


SERVE = """
import http.server, os, socket
web = socket.socket(fileno=3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"%d" % os.getpid())
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = web
print(web.getsockname()[1], flush=True)
server.serve_forever()
"""


def test_a_part_hands_a_socket_to_another(start: Start) -> None:
    """The taker waits for it, and starts anew when the giver makes another one."""
    giver = python(
        "giver",
        OFFER.format(end="notify.send(line, READY='1')\nnotify.receive(line)"),
        ready=Check(CheckKind.NOTIFY),
    )
    taker = python("taker", SERVE, listeners=("offered",))
    supervision = start([taker, giver])
    supervision.wait("READY")
    first = until(lambda: supervision.log("taker").split() or None)
    with urllib.request.urlopen(f"http://127.0.0.1:{first[0]}/", timeout=10) as answer:
        assert answer.read().decode() == str(supervision.part("taker")["pid"])

    os.kill(supervision.part("giver")["pid"], signal.SIGKILL)
    ports = until(lambda: s if len(s := supervision.log("taker").split()) == 2 else None)

    with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/", timeout=10) as answer:
        assert answer.status == 200
    assert {"STATUS": "giver: half way"} in supervision.told
    assert supervision.stop() == 0


def test_a_notifying_part_tells_why_it_gives_up(start: Start) -> None:
    end = "notify.send(line, ERROR='no coffee left'); sys.exit(1)"
    giver = python("p", OFFER.format(end=end), ready=Check(CheckKind.NOTIFY), start_attempts=1)

    assert start([giver]).wait("ERROR") == {"ERROR": "no coffee left", "PART": "p"}
