"""Where a caller may write: a directory of the run's own in its home."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import suppress

from f7t_loadtest.calls import Calls, Unserved
from f7t_loadtest.work import Broken, Place, Work


def give_directory(work: Work, place: Place) -> None:
    """Make the caller's directory of this run; it is removed at the end.

    Raises:
        Broken: no place was found where it can be made.
    """
    calls = work.quiet(place)
    number = work.places.index(place)
    said = ""
    for base in _bases(work, place, calls):
        path = posixpath.join(base, f"{work.name}-{number}")
        # Noted first and for good: an answer that gets lost may still have made it.
        place.owned.add(("directory", path))
        try:
            calls.call("POST", "/utilities/mkdir", form={"targetPath": path})
        except Unserved as error:
            said = str(error)
            continue
        place.root = path
        return
    raise Broken(f"no writable directory for {place.user or 'a caller'}; set one: {said}")


def _bases(work: Work, place: Place, calls: Calls) -> Iterator[str]:
    if work.settings.directory:
        yield work.settings.directory
        return
    place.user = place.tokens.user
    with suppress(Unserved, ValueError):
        said = calls.call("GET", "/utilities/whoami", wants="output").json["output"]
        place.user = said if isinstance(said, str) else place.user
    with suppress(Unserved, ValueError, AttributeError, KeyError, TypeError):
        known = calls.call("GET", "/status/filesystems", wants="out").json["out"]
        for one in known.get(work.system, ()):
            if str(one["name"]).upper() == "HOME":
                yield posixpath.join(str(one["path"]), place.user)
    yield f"/home/{place.user}"
