"""Names that lead elsewhere, and texts that come back in answers."""

from __future__ import annotations

import posixpath
from urllib.parse import quote

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, settled
from f7t_conformance.binding import requirement

_MARK = "X-F7T-Conformance"
_PAGE = "<script>f7t</script>"


def _not_split(answer: Answer) -> None:
    if answer.status >= 500:
        raise Unexpected("any answer but a breakdown", answer.excerpt)
    for name, value in answer.headers:
        if name.lower() == _MARK.lower() or "\r" in value or "\n" in value:
            raise Unexpected("only the server's own headers", f"{name}: {value}")


def _no_page(answer: Answer) -> None:
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    if "html" in kind.lower() and _PAGE in answer.text:
        raise Unexpected("no page with what was sent", answer.excerpt)


@requirement("F7T-SEC-030")
def test_names_of_uploads(api: Api, place: Place) -> None:
    inner = place.directory("inner")
    for name in ("../escaped", "../../escaped", "below/escaped", f"{place.path}/escaped", ".."):
        files = {"file": (name, b"content")}
        answer = api.call("POST", "/utilities/upload", form={"targetPath": inner}, files=files)
        answer.expect(400, description="Failed to upload file")
    if place.names() != ["inner"] or place.names("inner"):
        raise Unexpected("no file anywhere", f"{place.names()} {place.names('inner')}")


@requirement("F7T-SEC-031")
def test_names_of_scripts(api: Api, belongings: Belongings) -> None:
    for name in ("../../f7t-escaped.sh", "/tmp/f7t-escaped.sh"):
        belongings.spend_job()
        files = {"file": (name, belongings.script("true"))}
        task = settled(api, api.call("POST", "/compute/jobs/upload", files=files))
        if task["status"] != "200":
            raise Unexpected("an accepted job", str(task["data"]))
        belongings.own_job(task)
        path = task["data"]["job_file"]
        if posixpath.basename(posixpath.dirname(path)) != task["hash_id"] or ".." in path:
            raise Unexpected("the script in the directory of its task", path)


@requirement("F7T-SEC-032")
def test_headers_are_not_split(api: Api, place: Place) -> None:
    for separator in ("\r\n", "\n", "\r", "\x85", "\u2028", "č\u010a"):
        path = f"{place / 'absent'}{separator}{_MARK}: 1"
        for name in ("ls", "stat", "head"):
            _not_split(api.get(f"/utilities/{name}", targetPath=path))
        _not_split(api.post("/compute/jobs/path", targetPath=path))
        _not_split(api.get(f"/status/systems/{quote(separator)}{_MARK}: 1"))
        _not_split(api.get("/tasks", tasks=f"a{separator}{_MARK}: 1"))


@requirement("F7T-SEC-033")
def test_name_of_a_download(api: Api, place: Place) -> None:
    name = f"a, b; {_MARK}=é漢".replace(";", "")
    path = place.write(name)
    answer = api.get("/utilities/download", sourcePath=path).expect(200)
    _not_split(answer)
    if answer.body != b"content\n":
        raise Unexpected("the content", answer.excerpt)


@requirement("F7T-SEC-034")
def test_request_ids(api: Api) -> None:
    for value in (_PAGE, '"; a="', "x" * 5000):
        for header in ("X-Request-ID", "X-Correlation-ID", "uber-trace-id"):
            answer = api.call("GET", "/status/systems", headers={header: value})
            if any(value in text for _, text in answer.headers) or value in answer.text:
                raise Unexpected(f"{header} not to come back as it was sent", answer.excerpt)


@requirement("F7T-SEC-035")
def test_no_pages(api: Api) -> None:
    path = quote(_PAGE, safe="")
    for target in (f"/{path}", f"/utilities/{path}", f"/status/systems/{path}", f"/tasks/{path}"):
        _no_page(api.call("GET", target, contract=False))
    _no_page(api.get("/utilities/stat", targetPath=f"/{_PAGE}"))
