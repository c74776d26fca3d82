"""Which exception the client makes of each failure: class, text and error header, as JSON."""

import json
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

# By name: for a type checker the repository's own folder `firecrest` stands before the package.
firecrest: Any = import_module("firecrest")

MACHINE = os.environ["MACHINE"]
URL = os.environ["FIRECREST_URL"]


class Fixed:
    """A token as it is."""

    def get_access_token(self) -> str:
        return "not.a.token"


def auth(secret: str) -> Any:
    return firecrest.ClientCredentialsAuth(os.environ["CLIENT_ID"], secret, os.environ["TOKEN_URL"])


client = firecrest.v1.Firecrest(firecrest_url=URL, authorization=auth(os.environ["CLIENT_SECRET"]))
stranger = firecrest.v1.Firecrest(firecrest_url=URL, authorization=Fixed())
wrong = firecrest.v1.Firecrest(firecrest_url=URL, authorization=auth("wrong"))
home = f"/home/{client.whoami()}"

CALLS: dict[str, Callable[[], Any]] = {
    "missing path": lambda: client.list_files(MACHINE, f"{home}/absent"),
    "denied path": lambda: client.list_files(MACHINE, "/home/test1"),
    "missing download": lambda: client.simple_download(MACHINE, f"{home}/absent", "x"),
    "missing upload directory": lambda: client.simple_upload(MACHINE, __file__, f"{home}/absent"),
    "unknown machine": lambda: client.list_files("nowhere", home),
    "unknown machine of a job": lambda: client.submit("nowhere", script_str="#!/bin/sh\n"),
    "missing script": lambda: client.submit(MACHINE, script_remote_path=f"{home}/absent"),
    "no batch script": lambda: client.submit(MACHINE, script_str="no script"),
    "bad job id": lambda: client.poll_active(MACHINE, ["abc"]),
    "unknown job": lambda: client.poll_active(MACHINE, [99999999]),
    "unknown job to cancel": lambda: client.cancel(MACHINE, 99999999),
    "bad time": lambda: client.poll(MACHINE, start_time="soon"),
    "missing external source": lambda: client.external_download(MACHINE, f"{home}/absent"),
    "denied external target": lambda: client.external_upload(MACHINE, __file__, "/home/test1"),
    "unknown system": lambda: client.system("nowhere"),
    "unknown service": lambda: client.service("nowhere"),
    "bad token": lambda: stranger.all_systems(),
    "bad secret": lambda: wrong.all_systems(),
}

seen: dict[str, list[Any] | None] = {}
for name, call in CALLS.items():
    try:
        call()
        seen[name] = None
    except firecrest.FirecrestException as error:
        answer = error.responses[-1]
        headers = [key for key in answer.headers if key.startswith("X-") and key != "X-Request-Id"]
        seen[name] = [type(error).__name__, answer.status_code, headers, str(error)]

print(json.dumps(seen))
