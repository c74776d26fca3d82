"""No secret reaches a report, wherever a server or a client put it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from f7t_conformance.configuration import Identity
from f7t_conformance.identity import Caller
from f7t_conformance.model import Status
from f7t_conformance.redaction import HIDDEN, redacted
from f7t_conformance.reports import rendered
from f7t_conformance.reports.comparison import matrix_page
from f7t_conformance.reports.junit import junit
from f7t_conformance.reports.page import page
from tests.conformance.suite.made_up import finding, results

S = "S3cr3tV4lu3"
JWT = f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.{S}"
LINK = f"https://store.example.org/b/k?X-Amz-Credential={S}%2F2026&X-Amz-Signature={S}&x=1"
PLACES = {
    "jwt": JWT,
    "jwt cut in its payload": f"eyJhbGciOiJSUzI1NiJ9.eyJ{S}",
    "bearer": f"Authorization: Bearer {S}",
    "bearer in JSON": json.dumps({"Authorization": f"Bearer {S}"}),
    "bearer in a link": f"?h=Bearer%20{S}",
    "basic": f"Authorization: Basic {S}",
    "link": LINK,
    "link in a link": f"https://x.example.org/?u={quote(LINK, safe='')}",
    "link in JSON": json.dumps({"url": LINK}).replace("&", "\\u0026"),
    "old link": f"https://s.example.org/k?AWSAccessKeyId={S}&Signature={S}&Expires=1",
    "form": f"grant_type=password&password={S},x&client_secret={S}&username=me",
    "form with an encoded password": f"password=%22{S}%20{S}&a=b",
    "json form": json.dumps({"policy": S, "x-amz-signature": S, "x-amz-credential": S}),
    "json in json": json.dumps({"msg": json.dumps({"x-amz-signature": S, "password": S})}),
    "json twice in json": json.dumps(json.dumps(json.dumps({"password": S}))),
    "json with a quote in it": json.dumps({"password": f'a"{S}', "client_secret": f"b\\{S}"}),
    "python": str({"policy": S, "password": S, "access_token": S}),
    "multipart": f'--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\n{S}\r\n--b--',
    "multipart with a type": (
        f'--b\r\nContent-Disposition: form-data; name="password"\r\nContent-Type: text/plain'
        f"\r\n\r\n{S}\r\n--b--"
    ),
    "command": f"curl -F 'policy={S}' -F x-amz-signature={S} -F file=@f https://s.example.org",
    "user of a URL": f"https://me:{S}@example.org/x",
    "cookie": f"Set-Cookie: session={S}; Path=/",
    "private key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{S}\n-----END OPENSSH PRIVATE KEY-----",
    "private key cut off": f"-----BEGIN RSA PRIVATE KEY-----\n{S}",
    "certificate": f"ssh-ed25519-cert-v01@openssh.com {S}",
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES.keys())
def test_no_place_keeps_a_secret(text: str) -> None:
    told = redacted(text)
    assert S not in told
    assert HIDDEN in told
    assert redacted(told) == told


@pytest.mark.parametrize(
    "text",
    [
        'curl -i -H "Authorization: Bearer $TOKEN" https://example.org',
        "the path is an invalid path.",
        "/home/me/policy/password.txt",
        '{"description": "Permission denied", "output": [{"name": "policy"}]}',
        "https://example.org:8000/tasks/1?u=me@example.org",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_secrets_of_the_identities_are_hidden_where_no_place_tells_them() -> None:
    token = "opaque-token-without-form/+"
    caller = Caller(Identity.model_validate({"token": token, "password": "pässword mine"}))
    assert caller.token == token
    assert token not in redacted(f"user {token} is unknown")
    assert quote(token, safe="") not in redacted(f"?x={quote(token, safe='')}")


def test_no_report_has_one() -> None:
    everywhere = "\n".join(PLACES.values())
    made = results(
        *(finding(f"F7T-UTIL-{number:03}", one, everywhere) for number, one in enumerate(Status)),
        text=everywhere,
        leftovers=(everywhere,),
        target=f"https://me:{S}@example.org",
    )
    assert S in junit(made)
    assert S in page(made)
    shown = rendered(made)
    assert set(shown) == {"results.json", "junit.xml", "report.html", "badge.json"}
    assert [name for name, text in shown.items() if S in text] == []
    assert S in matrix_page([made])


def test_headers_are_hidden_by_their_name() -> None:
    one = finding("F7T-UTIL-001", Status.FAIL)
    said = one.exchanges[0].model_copy(
        update={"request_headers": (("Cookie", S), ("authorization", S), ("X-Other", "kept"))}
    )
    made = results(one.model_copy(update={"exchanges": (said,)}))
    text = rendered(made)["results.json"]
    assert S not in text
    assert "kept" in text
