"""The users whose tokens take part: fetched once, renewed in the background, never shown."""

from __future__ import annotations

from collections.abc import Sequence

import gevent

from f7t_conformance.configuration import Identity
from f7t_conformance.identity import Caller, NoToken


class Tokens:
    """The present token of one identity; reading it never waits for the issuer."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._caller = Caller(identity)
        self.present = ""

    def renew(self) -> None:
        """Fetch one if there is none, or it expires soon.

        Raises:
            NoToken: the identity does not work.
        """
        self.present = self._caller.token

    def fresh(self) -> str:
        """A token that nobody has seen before (unless the identity is a token itself).

        Raises:
            NoToken: the identity does not work.
        """
        return Caller(self._identity).token

    @property
    def user(self) -> str:
        """The name that the token's claims give, or nothing."""
        return str(self._caller.claims.get("preferred_username", ""))


def keep_renewed(tokens: Sequence[Tokens]) -> gevent.Greenlet[..., None]:
    """Renew them in the background; an issuer that fails is asked again a second later."""

    def renewing() -> None:
        while True:
            gevent.sleep(1.0)
            for one in tokens:
                try:
                    one.renew()
                except NoToken:
                    continue

    return gevent.spawn(renewing)
