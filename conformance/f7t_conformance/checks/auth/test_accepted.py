"""§2, §2.3: a valid token opens all services, and says who calls."""

from __future__ import annotations

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place, created
from f7t_conformance.binding import requirement


def _whoami(api: Api) -> str:
    return str(api.get("/utilities/whoami").expect(200).json["output"])


@requirement("F7T-AUTH-003")
def test_scheme_in_either_case(api: Api, anonymous: Api) -> None:
    assert api.caller is not None
    for scheme in ("Bearer", "bearer"):
        given = {"Authorization": f"{scheme} {api.caller.token}"}
        anonymous.call("GET", "/status/systems", headers=given).expect(200)


@requirement("F7T-AUTH-019")
def test_all_services(api: Api) -> None:
    api.get("/status/systems").expect(200)
    api.get("/utilities/ls", targetPath="/").expect(200)
    created(api.get("/compute/jobs"))
    api.get("/tasks").expect(200)
    # Storage has nothing that only reads: this is its own answer, after the token was accepted.
    api.post("/storage/xfer-external/invalidate").expect(400, error="Header X-Task-Id missing")


@requirement("F7T-AUTH-020")
def test_user_of_the_token(api: Api) -> None:
    assert api.caller is not None
    claims = api.caller.claims
    allowed = {claims.get("preferred_username")}
    client = claims.get("clientId", claims.get("client_id"))
    access = claims.get("resource_access", {})
    if claims.get("realm_access", {}).get("roles") and client in access:
        allowed |= set(access[client].get("roles", [])[:1])
    user = _whoami(api)
    if user not in allowed:
        raise Unexpected(f"a user out of {sorted(map(str, allowed))}", user)


@requirement("F7T-AUTH-021")
def test_files_belong_to_the_user(api: Api, place: Place) -> None:
    place.write("file")
    place.directory("directory")
    user = _whoami(api)
    listed = api.get("/utilities/ls", targetPath=place.path).expect(200)
    for entry in listed.json["output"]:
        if entry["user"] != user:
            raise Unexpected(f"{entry['name']} to belong to {user}", f"it belongs to {entry}")


@requirement("F7T-AUTH-022")
def test_two_users(api: Api, second: Api) -> None:
    second.http = api.http
    first_user, second_user = _whoami(api), _whoami(second)
    if first_user == second_user:
        raise Unexpected("two users", f"both identities are {first_user}")
    again = [_whoami(one) for one in (api, second, api, second)]
    if again != [first_user, second_user] * 2:
        raise Unexpected(f"{first_user} and {second_user} by turns", ", ".join(again))
