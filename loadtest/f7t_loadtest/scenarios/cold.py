"""First calls: a new connection and a new token each time, and the identities in turn."""

from __future__ import annotations

from locust import task

from f7t_conformance.identity import NoToken
from f7t_loadtest.calls import Calls, Unserved
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Work

FIRST = "GET /utilities/ls (first call of a user)"
AGAIN = "GET /utilities/ls (new connection and token)"


class Scenario(Visitor):
    """A server keeps connections to the system warm: only the first call of a user is cold there.

    Nothing is prepared and nothing warmed up, because that would be the first call.
    """

    warms_up = False

    @classmethod
    def check(cls, work: Work) -> None:
        """Cold calls are as many as identities."""
        work.recorder.warn(
            f"{len(work.places)} identities make {len(work.places)} cold calls; all others found "
            "the user's connection to the system warm, unless the server had closed it"
        )

    @task
    def first(self) -> None:
        """List the root directory, which exists everywhere."""
        due = self.moment()
        asked = self.work.recorder.now()
        place = min(self.work.places, key=lambda one: one.calls)
        first, place.calls = not place.calls, place.calls + 1
        try:
            token = place.tokens.fresh()
        except NoToken as error:
            raise Unserved(str(error)) from error
        # The issuer's time is not the gateway's.
        due += self.work.recorder.now() - asked
        session = self.work.session()
        Calls(session, place.tokens, self.work.system, self.work.recorder).call(
            *("GET", "/utilities/ls"),
            operation=FIRST if first else AGAIN,
            due=due,
            query={"targetPath": "/"},
            token=token,
            wants="output",
        )
        session.client.close()
