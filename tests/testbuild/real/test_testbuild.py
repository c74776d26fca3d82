"""A whole testbuild with the real Keycloak and the real MinIO, from `up` to `down --purge`.

The tests of this file run in their order: each finds what the one before left.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from f7t_testbuild import model
from f7t_testbuild.credentials import client_of, issue_token
from f7t_testbuild.model import Identity, Store
from f7t_testbuild.native import remains
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.native.servers import RELAY
from f7t_testbuild.native.ways import WayName
from f7t_testbuild.proof import prove
from f7t_testbuild.remembered import Choices
from f7t_testbuild.stores import open_store
from tests.support.live import Live, free_port_base, until

pytestmark = [pytest.mark.usefixtures("with_real_servers"), pytest.mark.timeout(1200)]
EMBEDDED = {"identity": "embedded", "store": "embedded"}
LISTENING = "0A"


def _up(testbuild: model.Testbuild, identity: str, store: str) -> NativeRuntime:
    runtime = NativeRuntime(testbuild, workers=1, identity=identity, store=store)
    began = time.monotonic()
    runtime.up(lambda text: print(f"[{time.monotonic() - began:6.1f} s] {text}"))
    return runtime


def _up_real(testbuild: model.Testbuild) -> NativeRuntime:
    return _up(testbuild, "keycloak-from-maven", "minio-from-source")


@pytest.fixture(scope="module")
def testbuild(with_real_servers: None) -> Iterator[model.Testbuild]:
    """A name, a port base and a state root of its own; whatever happens, nothing stays."""
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    chosen = model.Testbuild("real", free_port_base(), root / "state")
    yield chosen
    NativeRuntime(chosen).down(print, purge=True)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def runtime(testbuild: model.Testbuild) -> NativeRuntime:
    return _up_real(testbuild)


@pytest.fixture(scope="module")
def first_key(testbuild: model.Testbuild, runtime: NativeRuntime) -> str:
    """What signs tokens after the first start."""
    return _key(testbuild)


@pytest.fixture
def live(testbuild: model.Testbuild, runtime: NativeRuntime) -> Live:
    secrets = json.loads(testbuild.secrets_file.read_text())
    choices = Choices(
        testbuild.port_base, identity=Identity.KEYCLOAK_FROM_MAVEN, store=Store.MINIO_FROM_SOURCE
    )
    return Live(testbuild, secrets, runtime.status().way, runtime, choices)


def _proved(testbuild: model.Testbuild) -> list[str]:
    proof = prove(testbuild, lambda: issue_token(testbuild, client_of(testbuild)))
    return [step.name for step in proof.steps]


def _parts(runtime: NativeRuntime) -> dict[str, model.PartStatus]:
    return {part.name: part for part in runtime.status().parts}


def _key(testbuild: model.Testbuild) -> str:
    """The key that signs access tokens."""
    url = f"{testbuild.issuer}/protocol/openid-connect/certs"
    keys = requests.get(url, timeout=30).json()["keys"]
    return next(str(key["n"]) for key in keys if key["alg"] == "RS256")


def test_the_real_servers_run(runtime: NativeRuntime) -> None:
    parts = _parts(runtime)

    assert {part.state for part in parts.values()} == {"ready"}
    assert parts["identity"].what == "Keycloak (real)"
    assert parts["staging"].what == "MinIO (real)"
    assert parts["staging"].version.startswith("SOURCE.2026-02-12")
    assert (RELAY in parts) is (runtime.status().way != WayName.NSS_WRAPPER)


def test_it_works(testbuild: model.Testbuild, runtime: NativeRuntime) -> None:
    assert _proved(testbuild)[-1] == "job"


def test_the_issuer_is_the_same_from_every_address(testbuild: model.Testbuild) -> None:
    for host in ("localhost", "127.0.0.1"):
        root = f"http://{host}:{testbuild.identity_port}/auth"
        url = f"{root}/realms/{model.REALM}/.well-known/openid-configuration"
        document = requests.get(url, timeout=10).json()

        assert document["issuer"] == testbuild.issuer
        assert document["token_endpoint"].startswith(root)


def test_the_realm_file_was_imported(live: Live) -> None:
    robot = live.grant(
        grant_type="client_credentials",
        client_id="firecrest-robot",
        client_secret=live.secrets["robot_secret"],
    )
    answer = live.call("GET", "/status/systems", user="test1")

    assert robot["token_type"] == "Bearer"
    assert answer.status_code == 200


def test_the_administrator_can_log_in_and_is_told_to_nobody(live: Live) -> None:
    url = f"{live.testbuild.identity_public_url}/realms/master/protocol/openid-connect/token"
    password = live.secrets["keycloak_admin_password"]
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}

    assert requests.post(url, data={**form, "password": password}, timeout=30).status_code == 200
    assert requests.post(url, data={**form, "password": "x"}, timeout=30).status_code == 400
    logs = "".join(p.read_text(errors="replace") for p in live.testbuild.directory.glob("log/*"))
    assert not [name for name, secret in live.secrets.items() if secret in logs]


def test_nothing_listens_beyond_loopback(testbuild: model.Testbuild) -> None:
    inodes = set()
    for pid in remains.marked_processes(testbuild.directory):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            inodes.add(os.path.basename(entry.readlink()).strip("socket:[]"))  # noqa: PTH119
    mine = []
    for table in ("tcp", "tcp6"):
        rows = [row.split() for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        mine += [row[1].split(":")[0] for row in rows if row[3] == LISTENING and row[9] in inodes]

    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert len(mine) >= 6
    assert set(mine) <= loopback


def test_a_new_cluster_reaches_the_store_again(
    testbuild: model.Testbuild, runtime: NativeRuntime
) -> None:
    """Its network is a new one, with a new socket for the relay."""
    before = _parts(runtime)
    runtime.restart("cluster")

    def again() -> bool | None:
        now = _parts(runtime)
        ready = now.keys() == before.keys() and {p.state for p in now.values()} == {"ready"}
        return True if ready and now["cluster"].restarts > before["cluster"].restarts else None

    until(again, seconds=120, what="the cluster again")
    assert _proved(testbuild)[-1] == "job"


def test_reset_empties_buckets_and_leaves_sessions(
    live: Live, testbuild: model.Testbuild, runtime: NativeRuntime
) -> None:
    client = {"client_id": model.CLIENT_ID, "client_secret": live.secrets["client_secret"]}
    answer = live.grant(grant_type="password", username="test2", password="test22", **client)
    store = open_store(testbuild)
    store.make_bucket("left")
    store.fput_object("left", "a/b", __file__)

    runtime.reset(print)

    assert store.list_buckets() == []
    token = answer["refresh_token"]
    assert live.grant(grant_type="refresh_token", refresh_token=token, **client)["access_token"]


def test_a_killed_supervisor_takes_everything_along(
    testbuild: model.Testbuild, runtime: NativeRuntime, first_key: str
) -> None:
    file = testbuild.directory / "run" / "supervisor.json"
    os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)

    directory = testbuild.directory
    until(lambda: None if remains.marked_processes(directory) else True, what="nothing runs")


def test_the_embedded_ones_take_over_and_give_back(
    testbuild: model.Testbuild, first_key: str
) -> None:
    """Each kind has data of its own, so Keycloak's signing key is still there afterwards."""
    embedded = _up(testbuild, **EMBEDDED)
    assert RELAY not in _parts(embedded)
    assert _proved(testbuild)[-1] == "job"
    embedded.down(print)

    _up_real(testbuild)
    assert _key(testbuild) == first_key
    assert _proved(testbuild)[-1] == "job"


def test_keycloak_restarts_on_demand(testbuild: model.Testbuild, first_key: str) -> None:
    runtime = NativeRuntime(testbuild)
    runtime.restart("identity")

    def again() -> bool | None:
        now = _parts(runtime)["identity"]
        return True if now.restarts and now.state == "ready" else None

    until(again, seconds=400, what="Keycloak again")
    assert _key(testbuild) == first_key


def test_a_purge_leaves_nothing(testbuild: model.Testbuild) -> None:
    NativeRuntime(testbuild).down(print, purge=True)

    assert not list(testbuild.state_root.iterdir())
    assert remains.marked_processes(testbuild.directory) == []
