"""The testbuild behind the mutants, and what the suite must know to call it."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import requests
import yaml

from f7t_testbuild.commands.common import Selection, open_runtime, select
from f7t_testbuild.model import CLIENT_ID, Testbuild
from f7t_testbuild.remembered import Choices, remember
from f7t_testbuild.runtime import RuntimeName
from tests.conformance.mutants.hunting import Centre
from tests.support.live import PASSWORDS, free_port_base

_SECOND = "test2"


@contextmanager
def running(name: str | None) -> Iterator[Centre]:
    """The running testbuild of that name, or a new one that is taken down at the end."""
    if name:
        yield centre_of(select(name, None).testbuild)
        return
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    choices = Choices(port_base=free_port_base(), runtime=RuntimeName.NATIVE.value)
    selection = Selection(Testbuild("mutants", choices.port_base, root), choices, known=False)
    runtime = open_runtime(selection)
    try:
        remember(selection.testbuild, choices)
        runtime.up(print)
        yield centre_of(selection.testbuild)
    finally:
        runtime.down(print, purge=True)
        shutil.rmtree(root, ignore_errors=True)


def centre_of(testbuild: Testbuild) -> Centre:
    """A running testbuild with a second user and an expired token."""
    secret = json.loads(testbuild.secrets_file.read_text("utf-8"))["client_secret"]
    client = {"client_id": CLIENT_ID, "client_secret": secret}
    environment = {
        "F7T_CONFORMANCE_SYSTEM": "cluster",
        "F7T_CONFORMANCE_EXPIRED_TOKEN": _expired(testbuild, client),
    }
    user = {"username": _SECOND, "password": PASSWORDS[_SECOND]}
    for whose, more in (("IDENTITY", {}), ("SECOND", user)):
        for key, value in {"token_url": testbuild.token_url, **client, **more}.items():
            environment[f"F7T_CONFORMANCE_{whose}__{key.upper()}"] = value
    config = testbuild.directory / "gateway.yaml"
    return Centre(yaml.safe_load(config.read_text("utf-8")), environment)


def _expired(testbuild: Testbuild, client: dict[str, str]) -> str:
    """A token of the testbuild's own issuer as it would be an hour after its end."""
    form = {"grant_type": "client_credentials", **client}
    answer = requests.post(testbuild.token_url, data=form, timeout=30)
    answer.raise_for_status()
    token = str(answer.json()["access_token"])
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())
    (key,) = (testbuild.directory / "identity").glob("rs256-*.pem")
    return jwt.encode(
        {**claims, "iat": now - 3900, "exp": now - 3600},
        key.read_text("utf-8"),
        algorithm="RS256",
        headers={"kid": jwt.get_unverified_header(token)["kid"]},
    )
