"""Steps of the tutorial, sent as its reader sends them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from urllib3.filepost import encode_multipart_formdata

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, created, until
from f7t_conformance.staging import Task, reached
from f7t_conformance.waiting import finished

_DIRECTIVES = "--job-name=test\n--ntasks=1\n--time=10:00"


@dataclass(frozen=True)
class Walk:
    """One reader at one server.

    Attributes:
        default_system: what the server takes where no machine is named.
        seconds: patience with tasks and jobs.
    """

    api: Api
    belongings: Belongings
    default_system: str
    seconds: float

    def form(self, path: str, *, nameless: bool = False, **fields: str) -> Answer:
        """POST these fields as `curl -F` does; `nameless` without a machine's name.

        The name stays where it is not the default, or the server would look elsewhere.
        """
        body, kind = encode_multipart_formdata(fields)
        headers: dict[str, str | None] = {"Content-Type": kind}
        if nameless and self.api.system == self.default_system:
            headers["X-Machine-Name"] = None
        return self.api.call("POST", path, data=body, headers=headers)

    def script(self, command: str, output: str = "") -> bytes:
        """The tutorial's job script around `command`, with or without its `--output` line."""
        options = f"{_DIRECTIVES}\n--output={output}" if output else _DIRECTIVES
        return self.belongings.script(command, options=options)

    def submit(self, command: str, output: str = "") -> Answer:
        """The answer to the submission of such a script by its path of 2020."""
        self.belongings.spend_job()
        account = {"account": self.belongings.account} if self.belongings.account else {}
        files = {"file": ("script.sh", self.script(command, output))}
        return self.api.call("POST", "/compute/jobs", form=account, files=files)

    def submitted(self, command: str, output: str = "") -> Task:
        """The task of a submission that succeeded."""
        return self.accepted(self.submit(command, output))

    def accepted(self, answer: Answer) -> Task:
        """The task that a submission's answer announced, settled; its job is removed at the end."""
        task = reached(self.api, created(answer), "200", seconds=self.seconds)
        self.belongings.own_job(task)
        return task

    def simulated(self, command: str, output: str = "") -> Task:
        """The task of a submission whose job is over."""
        task = self.submitted(command, output)
        finished(self.api, str(task["data"]["jobid"]), seconds=self.seconds)
        return task

    def settled(self, answer: Answer) -> Task:
        """The task that an answer announced, which must end well."""
        return reached(self.api, created(answer), "200", seconds=self.seconds)

    def accounted(self, job: str) -> Mapping[str, str]:
        """The job's record in the accounting once it is complete."""

        def probe() -> Mapping[str, str] | None:
            data = self.settled(self.api.get("/compute/acct", jobs=job))["data"]
            rows: list[Mapping[str, str]] = [
                one for one in data or () if one["jobid"] == job and one["partition"]
            ]
            return rows[0] if rows and rows[0]["state"] == "COMPLETED" else None

        found: Mapping[str, str] = until(probe, seconds=self.seconds, what=f"record of {job}")
        return found

    def directory(self, task: Task) -> str:
        """Where a submitted job works."""
        script = str(task["data"].get("job_file", ""))
        return posixpath.dirname(script) or posixpath.join("firecrest", task["hash_id"])

    def entry(self, path: str) -> Mapping[str, str]:
        """How the listing of its directory shows a file."""
        directory, name = posixpath.split(path)
        output = self.api.get("/utilities/ls", targetPath=directory).expect(200).json["output"]
        for one in output:
            if one["name"] == name:
                found: Mapping[str, str] = one
                return found
        raise Unexpected(f"an entry of {name}", f"{[one['name'] for one in output]}")

    def read(self, path: str) -> bytes:
        """Content of a small file."""
        return self.api.get("/utilities/download", sourcePath=path).expect(200).body
