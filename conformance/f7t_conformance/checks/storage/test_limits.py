"""What the server says of its staging area."""

from __future__ import annotations

import base64
import json

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.binding import requirement
from f7t_conformance.staging import form_of, offered


def announced(api: Api) -> dict[str, dict[str, str]]:
    """The storage parameters by name."""
    groups = api.get("/status/parameters").expect(200).json["out"]
    return {one["name"]: one for one in groups["storage"]}


@requirement("F7T-XFER-086")
def test_the_lifetime_of_links_is_announced(api: Api) -> None:
    one = announced(api).get("STORAGE_TEMPURL_EXP_TIME", {})
    if not str(one.get("value", "")).isdecimal() or one["unit"] != "seconds":
        raise Unexpected("STORAGE_TEMPURL_EXP_TIME in whole seconds", str(one))
    if not 0 < int(one["value"]) <= 604800:
        raise Unexpected("a lifetime that a presigned link can have", one["value"])


@requirement("F7T-XFER-087")
def test_the_largest_file_is_announced(api: Api) -> None:
    one = announced(api).get("STORAGE_MAX_FILE_SIZE", {})
    if not str(one.get("value", "")).isdecimal() or one["unit"] != "MB":
        raise Unexpected("STORAGE_MAX_FILE_SIZE in whole MB", str(one))


@requirement("F7T-XFER-088")
def test_the_form_allows_the_largest_file(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    megabytes = int(announced(api)["STORAGE_MAX_FILE_SIZE"]["value"])
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    policy = json.loads(base64.b64decode(form_of(task)[1]["policy"]))
    ranges = [
        one
        for one in policy["conditions"]
        if isinstance(one, list) and one[0] == "content-length-range"
    ]
    for _, least, most in ranges:
        if int(least) > 0 or int(most) < megabytes * 1_000_000:
            raise Unexpected(f"files of 0 to {megabytes} MB", f"{least} to {most} bytes")
