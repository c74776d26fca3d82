"""One address for everybody: presigned URLs, issuers and clocks, on the host and inside."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import requests

from f7t_testbuild.model import CLIENT_ID, REALM
from tests.docker.conftest import Containers
from tests.support.live import Live
from tests.tutorial.machine import Machine

HOME = "/home/test4"
TOKEN_PATH = f"/auth/realms/{REALM}/protocol/openid-connect/token"


def test_one_presigned_url_holds_on_the_host_the_login_node_and_the_nodes(
    live: Live, machine: Machine
) -> None:
    content = os.urandom(3000)
    file = {"file": ("shared.bin", content)}
    live.post("/utilities/upload", user="test4", data={"targetPath": HOME}, files=file)
    source = {"sourcePath": f"{HOME}/shared.bin"}
    answer = live.post("/storage/xfer-external/download", user="test4", data=source)
    url = live.settled(answer, user="test4")["data"]

    assert requests.get(url, timeout=10).content == content
    fetch = f"curl -fsS -o {HOME}/login.bin '{url}'"
    machine.run("test4", "sh", "-c", fetch)
    assert machine.sha1(f"{HOME}/login.bin") == machine.sha1(f"{HOME}/shared.bin")
    script = f"#!/bin/bash\n#SBATCH --time=5\ncurl -fsS -o {HOME}/node.bin '{url}'\n"
    task = live.submit(script, user="test4")
    assert live.accounted(task["data"]["jobid"], user="test4")["state"] == "COMPLETED"
    assert machine.sha1(f"{HOME}/node.bin") == machine.sha1(f"{HOME}/shared.bin")


def test_a_token_is_good_wherever_it_was_asked_for(live: Live, containers: Containers) -> None:
    issuer = containers.all()["identity"].attrs["NetworkSettings"]["Networks"]
    assert issuer, "the issuer has a network"
    form = f"grant_type=client_credentials&client_id={CLIENT_ID}"
    form += f"&client_secret={live.secrets['client_secret']}"
    url = f"http://keycloak:8080{TOKEN_PATH}"
    said = containers.run("cluster", "curl", "-fsS", "--data", form, url)
    inside = json.loads(said)["access_token"]
    headers = {"Authorization": f"Bearer {inside}"}
    for address in ("127.0.0.1", "localhost"):
        front = f"http://{address}:{live.testbuild.identity_port}{TOKEN_PATH}"
        answer = requests.post(front, data=form, headers=_FORM, timeout=10)
        assert answer.status_code == 200, answer.text
        outside = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert requests.get(f"{live.url}/tasks", headers=outside, timeout=10).status_code == 200
    assert requests.get(f"{live.url}/tasks", headers=headers, timeout=10).status_code == 200


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_clocks_and_time_zones_are_equal(containers: Containers, tmp_path: Path) -> None:
    for name in containers.all():
        if name == "setup":
            continue
        before = int(time.time())
        seconds, zone = containers.run(name, "date", "+%s %Z").split()
        assert before <= int(seconds) <= int(time.time()), name
        assert zone == "UTC", name
