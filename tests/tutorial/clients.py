"""The tutorial's two clients: its shell commands run by a real curl, its Python lines by requests.

Both say what the tutorial says, character for character where it matters, and answer alike.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import requests

from f7t_testbuild.model import SYSTEM

TIMEOUT = 60.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `headers` keep their order and capitalisation."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Value of the header of exactly this capitalisation."""
        return dict(self.headers).get(name)

    @property
    def content_type(self) -> str:
        return (self.header("Content-Type") or "").partition(";")[0]

    def json(self) -> Any:
        return json.loads(self.body)


def parse_answer(output: bytes) -> Answer:
    """What `curl -i` printed: interim answers (`100 Continue`), head, body."""
    while True:
        head, _, rest = output.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status >= 200:
            break
        output = rest
    headers = [
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
    ]
    return Answer(status, headers, rest)


def run_shell(
    command: str, *, directory: Path | None = None, environment: Mapping[str, str] | None = None
) -> bytes:
    """Standard output of `sh -c`; curl's own exit code must be 0."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, (command, done.returncode, done.stderr.decode())
    return done.stdout


class Client(Protocol):
    """The calls of the tutorial."""

    def systems(self) -> Answer: ...
    def listing(self, path: str) -> Answer: ...
    def upload(self, file: Path, directory: str) -> Answer: ...
    def download(self, path: str) -> Answer: ...
    def submit(self, script: Path) -> Answer: ...
    def task(self, task_id: str) -> Answer: ...
    def tasks(self) -> Answer: ...
    def job(self, job_id: int) -> Answer: ...
    def jobs(self) -> Answer: ...
    def accounting(self, period: Mapping[str, str] | None = None) -> Answer: ...
    def external_upload(self, source: str, directory: str) -> Answer: ...
    def external_download(self, path: str) -> Answer: ...
    def fetch(self, link: str) -> Answer: ...


@dataclass(frozen=True)
class Curl:
    """The shell commands, with the tutorial's TOKEN and FIRECREST_IP in the environment.

    `settings` is a directory whose .curlrc asks for the head of the answer: that is the tutorial's
    `-i`, without a change to its commands.
    """

    url: str
    token: str
    settings: Path

    def run(self, command: str, **variables: str) -> Answer:
        """The answer to one command; `variables` join its environment."""
        environment = {
            "FIRECREST_IP": self.url,
            "TOKEN": self.token,
            "CURL_HOME": str(self.settings),
            **variables,
        }
        return parse_answer(run_shell(command, environment=environment))

    def systems(self) -> Answer:
        return self.run(
            'curl -X GET ${FIRECREST_IP}/status/systems -H "Authorization: Bearer ${TOKEN}"'
        )

    def listing(self, path: str) -> Answer:
        return self.run(
            'curl -X GET "${FIRECREST_IP}/utilities/ls?targetPath=${TARGET}" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster"',
            TARGET=path,
        )

    def upload(self, file: Path, directory: str) -> Answer:
        return self.run(
            'curl -X POST "${FIRECREST_IP}/utilities/upload" -F "targetPath=${TARGET}" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster" -F "file=@${FILE}"',
            TARGET=directory,
            FILE=str(file),
        )

    def download(self, path: str) -> Answer:
        return self.run(
            'curl -X GET "${FIRECREST_IP}/utilities/download?sourcePath=${SOURCE}" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster"',
            SOURCE=path,
        )

    def submit(self, script: Path) -> Answer:
        return self.run(
            'curl -X POST "${FIRECREST_IP}/compute/jobs" -H "Authorization: Bearer ${TOKEN}" '
            '-H "X-Machine-Name: cluster" -F "file=@${FILE}"',
            FILE=str(script),
        )

    def task(self, task_id: str) -> Answer:
        return self.run(
            'curl -X GET "${FIRECREST_IP}/tasks/${TASK}" -H "Authorization: Bearer ${TOKEN}"',
            TASK=task_id,
        )

    def tasks(self) -> Answer:
        return self.run('curl -X GET "${FIRECREST_IP}/tasks" -H "Authorization: Bearer ${TOKEN}"')

    def job(self, job_id: int) -> Answer:
        return self.run(
            'curl -X GET "${FIRECREST_IP}/compute/jobs/${JOB}" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster"',
            JOB=str(job_id),
        )

    def jobs(self) -> Answer:
        return self.run(
            'curl -X GET "${FIRECREST_IP}/compute/jobs" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster"'
        )

    def accounting(self, period: Mapping[str, str] | None = None) -> Answer:
        query = "&".join(f"{name}={value}" for name, value in (period or {}).items())
        return self.run(
            'curl -X GET "${FIRECREST_IP}/compute/acct${QUERY}" '
            '-H "Authorization: Bearer ${TOKEN}" -H "X-Machine-Name: cluster"',
            QUERY=f"?{query}" if query else "",
        )

    def external_upload(self, source: str, directory: str) -> Answer:
        return self.run(
            'curl -X POST "${FIRECREST_IP}/storage/xfer-external/upload" '
            '-H "Authorization: Bearer ${TOKEN}" -F "targetPath=${TARGET}" '
            '-F "sourcePath=${SOURCE}"',
            TARGET=directory,
            SOURCE=source,
        )

    def external_download(self, path: str) -> Answer:
        return self.run(
            'curl -X POST "${FIRECREST_IP}/storage/xfer-external/download" '
            '-H "Authorization: Bearer ${TOKEN}" -F "sourcePath=${SOURCE}"',
            SOURCE=path,
        )

    def fetch(self, link: str) -> Answer:
        """GET of a link of the staging area; no token in sight."""
        environment = {"CURL_HOME": str(self.settings), "LINK": link}
        return parse_answer(run_shell('curl "${LINK}"', environment=environment))


@dataclass(frozen=True)
class Requests:
    """The Python lines."""

    url: str
    token: str

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def _headers(self) -> dict[str, str]:
        return {**self._authorization, "X-Machine-Name": SYSTEM}

    def systems(self) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/status/systems", headers=self._authorization, timeout=TIMEOUT
            )
        )

    def listing(self, path: str) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/utilities/ls",
                headers=self._headers,
                params={"targetPath": path},
                timeout=TIMEOUT,
            )
        )

    def upload(self, file: Path, directory: str) -> Answer:
        with file.open("rb") as content:
            return _answer(
                requests.post(
                    url=f"{self.url}/utilities/upload",
                    headers=self._headers,
                    data={"targetPath": directory},
                    files={"file": content},
                    timeout=TIMEOUT,
                )
            )

    def download(self, path: str) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/utilities/download",
                headers=self._headers,
                params={"sourcePath": path},
                timeout=TIMEOUT,
            )
        )

    def submit(self, script: Path) -> Answer:
        with script.open("rb") as content:
            return _answer(
                requests.post(
                    url=f"{self.url}/compute/jobs",
                    headers=self._headers,
                    files={"file": content},
                    timeout=TIMEOUT,
                )
            )

    def task(self, task_id: str) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/tasks/{task_id}", headers=self._authorization, timeout=TIMEOUT
            )
        )

    def tasks(self) -> Answer:
        return _answer(
            requests.get(url=f"{self.url}/tasks", headers=self._authorization, timeout=TIMEOUT)
        )

    def job(self, job_id: int) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/compute/jobs/{job_id}", headers=self._headers, timeout=TIMEOUT
            )
        )

    def jobs(self) -> Answer:
        return _answer(
            requests.get(url=f"{self.url}/compute/jobs", headers=self._headers, timeout=TIMEOUT)
        )

    def accounting(self, period: Mapping[str, str] | None = None) -> Answer:
        return _answer(
            requests.get(
                url=f"{self.url}/compute/acct",
                headers=self._headers,
                params=dict(period or {}),
                timeout=TIMEOUT,
            )
        )

    def external_upload(self, source: str, directory: str) -> Answer:
        return _answer(
            requests.post(
                url=f"{self.url}/storage/xfer-external/upload",
                headers=self._authorization,
                data={"targetPath": directory, "sourcePath": source},
                timeout=TIMEOUT,
            )
        )

    def external_download(self, path: str) -> Answer:
        return _answer(
            requests.post(
                url=f"{self.url}/storage/xfer-external/download",
                headers=self._authorization,
                data={"sourcePath": path},
                timeout=TIMEOUT,
            )
        )

    def fetch(self, link: str) -> Answer:
        """GET of a link of the staging area; no token in sight."""
        return _answer(requests.get(link, timeout=TIMEOUT))


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, list(response.headers.items()), response.content)
