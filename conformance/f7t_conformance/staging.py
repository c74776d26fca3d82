"""The client's side of the staging area: forms are posted and links fetched without credentials."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import ENDED, Belongings, created, task_of, until

Task = dict[str, Any]

FIELDS = (
    "key",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "policy",
    "x-amz-signature",
)
"""Of the presigned form; the file comes after them."""

_FLAGS = frozenset(
    [
        "-i",
        "--include",
        "-s",
        "--silent",
        "-S",
        "--show-error",
        "-f",
        "--fail",
        "-g",
        "--globoff",
        "-q",
    ]
)
_VALUED = frozenset({"-X", "--request", "-F", "--form", "--form-string"})
_COMMAND_LIMIT = 120
_PASSED_ON = re.compile(r"(?i)PATH|.*_proxy|CURL_CA_BUNDLE|SSL_CERT_(FILE|DIR)")


def reached(api: Api, task_id: str, *states: str, seconds: float) -> Task:
    """The task once it is in one of `states`; raises `Unexpected` if it ends in another one."""

    def probe() -> Task | None:
        task = task_of(api, task_id)
        if task["status"] in states:
            return task
        if task["status"] in ENDED:
            raise Unexpected(f"state {' or '.join(states)}", f"{task['status']}: {task['data']}")
        return None

    what = f"task {task_id} in state {' or '.join(states)}"
    found: Task = until(probe, seconds=seconds, what=what)
    return found


def listed(api: Api, task_id: str) -> Task:
    """The task as the listing shows it now."""
    tasks = api.get("/tasks", tasks=task_id).expect(200).json["tasks"]
    if task_id not in tasks:
        raise Unexpected(f"an entry of {task_id}", f"entries of {', '.join(tasks) or 'none'}")
    task: Task = tasks[task_id]
    return task


def asked_upload(api: Api, belongings: Belongings, *, source: str, target: str) -> str:
    """Id of the task of a new external upload; whatever it stages is removed at the end."""
    answer = api.post("/storage/xfer-external/upload", sourcePath=source, targetPath=target)
    task_id = created(answer, 201)
    belongings.own_transfer(task_id)
    return task_id


def asked_download(api: Api, belongings: Belongings, source: str) -> str:
    """Id of the task of a new external download; its object is removed at the end."""
    task_id = created(api.post("/storage/xfer-external/download", sourcePath=source), 201)
    belongings.own_transfer(task_id)
    return task_id


def offered(api: Api, belongings: Belongings, *, source: str, target: str, seconds: float) -> Task:
    """The task of a new external upload that waits for its file (111)."""
    task_id = asked_upload(api, belongings, source=source, target=target)
    return reached(api, task_id, "111", seconds=seconds)


def linked(api: Api, belongings: Belongings, source: str, *, seconds: float) -> Task:
    """The task of a new external download whose link is ready (117)."""
    return reached(api, asked_download(api, belongings, source), "117", seconds=seconds)


def form_of(task: Task) -> tuple[str, Mapping[str, str]]:
    """URL and fields of the form that a task in state 111 offers, in either shape (D12)."""
    message = task["data"]["msg"]
    parameters = message.get("parameters")
    if parameters is not None:
        return str(parameters["url"]), parameters["data"]
    return str(message["url"]), {name: message[name] for name in FIELDS}


def posted(api: Api, task: Task, content: bytes, **changed: str) -> Answer:
    """What the store says to the task's form with this file, some fields changed."""
    url, fields = form_of(task)
    files = {"file": (str(task["data"]["source"]), content)}
    return api.outside("POST", url, form={**fields, **changed}, files=files)


def delivered(
    api: Api, belongings: Belongings, content: bytes, *, target: str, source: str, seconds: float
) -> Task:
    """The task of a whole external upload of `content` (114)."""
    task = offered(api, belongings, source=source, target=target, seconds=seconds)
    posted(api, task, content).expect(204)
    return reached(api, task["hash_id"], "114", seconds=seconds)


def link_of(task: Task) -> str:
    """The link of a task in state 117, in either shape (D14)."""
    data = task["data"]
    return str(data["url"] if isinstance(data, dict) else data)


@dataclass(frozen=True)
class Printed:
    """The command that a task prints, read as what it must be: a post of a form with curl.

    It comes from the server under test, so nothing but such a post is ever run.
    """

    words: tuple[str, ...]
    url: str
    fields: Mapping[str, str]

    @classmethod
    def read(cls, command: str, source: str) -> Printed:
        """Raises `Unexpected` if it does anything but post a form with the file `source`."""
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise Unexpected("a command for a shell", f"{error}: {command}") from error
        if not words or words[0] != "curl":
            raise Unexpected("a curl command", command)
        urls, fields, files = [], {}, []
        for option, value in _options(words[1:]):
            name, _, text = value.partition("=")
            if not option:
                urls.append(value)
            elif option in {"-F", "--form"} and text[:1] in {"@", "<"}:
                files.append((name, _unquoted(text[1:])))
            elif option in {"-F", "--form", "--form-string"}:
                fields[name] = text
            elif value != "POST":
                raise Unexpected("method POST", command)
        if files != [("file", source)] or len(urls) != 1 or not urls[0].startswith("http"):
            raise Unexpected(f"a post of {source} to one URL as the part `file`", command)
        return cls(tuple(words), urls[0], fields)

    def run(self, api: Api, directory: Path, source: str) -> tuple[bool, Answer]:
        """Whether it ended well, and the store's answer; without curl the same form is posted."""
        curl = shutil.which("curl")
        if curl is None:
            content = (directory / source).read_bytes()
            files = {"file": (Path(source).name, content)}
            answer = api.outside("POST", self.url, form=self.fields, files=files)
            return answer.status < 400, answer
        done = subprocess.run(
            [curl, "-q", *self.words[1:]],
            cwd=directory,
            env={k: v for k, v in os.environ.items() if _PASSED_ON.fullmatch(k)},
            capture_output=True,
            timeout=_COMMAND_LIMIT,
            check=False,
        )
        return done.returncode == 0, _shown(done.stdout)


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options with their values; an argument has no option. Raises `Unexpected` for others."""
    left = iter(words)
    for word in left:
        if word in _VALUED:
            yield word, next(left, "")
        elif not word.startswith("-"):
            yield "", word
        elif word not in _FLAGS:
            raise Unexpected("no options of curl but those of a form's post", word)


def _unquoted(text: str) -> str:
    """A file name as curl's -F reads it."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _shown(output: bytes) -> Answer:
    """The last answer in what `curl -i` prints; status 0 if it printed none."""
    answer = Answer(0, (), output)
    rest = output
    while match := re.match(rb"HTTP/[\d.]+ (\d{3})", rest):
        head, _, rest = rest.partition(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = tuple((name, text.strip()) for name, _, text in lines)
        answer = Answer(int(match.group(1)), headers, rest)
    return answer
