"""Whatever the text: an answer of the contract, never a crash."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.firecrest.services.cases import HOME, USER
from tests.firecrest.services.wire import Part, Request, form, get, multipart, query, send
from tests.support.live import Live

ALLOWED = {200, 201, 400, 401, 404, 405, 413}

_text = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="./~$*- \t\n\0;'\"`|&()<>\\%日é\U0001f600", max_size=20),
    st.sampled_from(
        ["", "true", "0", "-1", "9" * 40, "1,2", "/home/test2", "{}", "1_[1-2]", "..."]
    ),
)
_value = st.one_of(_text, st.binary(max_size=20))


@st.composite
def _queries(draw: st.DrawFn) -> Request:
    path, names = draw(
        st.sampled_from(
            [
                ("/utilities/ls", ("targetPath", "showhidden", "pageSize", "pageNumber")),
                ("/utilities/ls", ("targetPath", "recursive", "followLinks", "notListing")),
                ("/utilities/file", ("targetPath",)),
                ("/utilities/stat", ("targetPath", "sourcePath", "dereference")),
                ("/utilities/checksum", ("targetPath",)),
                ("/utilities/view", ("targetPath", "sourcePath")),
                ("/utilities/head", ("targetPath", "bytes", "skip_ending", "grep")),
                ("/utilities/tail", ("targetPath", "lines", "skip_beginning", "grep")),
                ("/utilities/whoami", ("groups",)),
                ("/utilities/download", ("sourcePath", "targetPath")),
                ("/compute/jobs", ("jobs", "pageSize", "pageNumber", "userJobs")),
                ("/compute/acct", ("jobs", "starttime", "endtime", "pageNumber")),
                ("/compute/nodes", ("nodes",)),
                ("/compute/partitions", ("partitions",)),
                ("/compute/reservations", ("reservations",)),
                ("/tasks", ("tasks",)),
                ("/status/systems", ("x",)),
                ("/status/parameters", ("x",)),
                ("/reservations", ("x",)),
            ]
        )
    )
    return get(path, **draw(st.dictionaries(st.sampled_from(names), _value)))


PREFIXES = (
    "/tasks/",
    "/compute/jobs/",
    "/status/systems/",
    "/status/services/",
    "/utilities/",
    "/",
)


@st.composite
def _paths(draw: st.DrawFn) -> Request:
    prefix = draw(
        st.sampled_from(
            [
                "/tasks/",
                "/compute/jobs/",
                "/compute/nodes/",
                "/status/systems/",
                "/status/services/",
                "/reservations/",
                "/utilities/",
                "/",
            ]
        )
    )
    tail = query("", x=draw(_value)).removeprefix("?x=")
    return Request("GET", prefix + tail)


@st.composite
def _forms(draw: st.DrawFn) -> Request:
    path = draw(
        st.sampled_from(
            [
                "/utilities/upload",
                "/compute/jobs",
                "/compute/jobs/upload",
                "/compute/jobs/path",
                "/storage/xfer-external/upload",
                "/storage/xfer-external/download",
                "/storage/xfer-external/invalidate",
                "/storage/xfer-internal/rsync",
                "/storage/xfer-internal/extract",
            ]
        )
    )
    names = ("targetPath", "sourcePath", "account", "env", "file", "jobName", "extension", "x")
    fields = draw(st.dictionaries(st.sampled_from(names), _value))
    if draw(st.booleans()):
        return form("POST", path, **fields)
    raw = {
        name: value.encode() if isinstance(value, str) else value for name, value in fields.items()
    }
    parts = [Part(name, value) for name, value in raw.items()]
    if draw(st.booleans()):
        parts.append(Part("file", draw(st.binary(max_size=50)), draw(_file_names)))
    return multipart("POST", path, *parts)


CHANGES = {
    "mkdir": "POST",
    "rename": "PUT",
    "copy": "POST",
    "symlink": "POST",
    "rm": "DELETE",
    "chmod": "PUT",
    "chown": "PUT",
    "compress": "POST",
    "extract": "POST",
}


@st.composite
def _changes(draw: st.DrawFn) -> Request:
    """All paths go through a directory that is not there, so that nothing can be changed."""
    operation = draw(st.sampled_from(sorted(CHANGES)))
    fields = draw(
        st.dictionaries(
            st.sampled_from(("mode", "owner", "group", "dereference", "extension", "type")), _value
        )
    )
    for name in ("sourcePath", "targetPath", "linkPath"):
        value = draw(_value)
        raw = value.encode() if isinstance(value, str) else value
        fields[name] = f"{HOME}/absent/".encode() + raw
    return form(CHANGES[operation], f"/utilities/{operation}", **fields)


_file_names = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20)
_headers = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
_requests = st.one_of(_queries(), _paths(), _forms(), _changes())


@settings(
    max_examples=160,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=_requests, machine=st.none() | _headers, task_id=st.none() | _headers)
def test_random_text(
    live: Live, request: Request, machine: str | None, task_id: str | None
) -> None:
    """Two thirds name a machine that is there, so that the text reaches it."""
    if machine is not None and len(machine) % 3 == 0:
        request = replace(request, headers={**request.headers, "X-Machine-Name": machine})
    if task_id is not None:
        request = replace(request, headers={**request.headers, "X-Task-Id": task_id})
    answer = send(live, request, user=USER)
    assert answer.status in ALLOWED, answer
    if answer.header("Content-Type") != "application/octet-stream":
        assert isinstance(answer.json(), dict)
