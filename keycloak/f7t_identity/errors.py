"""The failures of the issuer.

Exception
 ├── StartError           the issuer cannot start; the text says what the operator has to change
 │    ├── RealmError      the realm file is not usable
 │    └── KeyFileError    a key file is missing, unreadable for us or readable for others
 ├── OAuthError           a protocol error, answered as JSON (RFC 6749 §5.2)
 ├── BearerError          a refused access token at the userinfo endpoint (RFC 6750 §3)
 └── PageError            an error shown to a person in a browser
"""

from __future__ import annotations


class StartError(Exception):
    """The issuer cannot start."""


class RealmError(StartError):
    """The realm file is missing, malformed, or asks for something this issuer does not do."""


class KeyFileError(StartError):
    """The state directory or a key file in it cannot be used safely."""


class OAuthError(Exception):
    """An error answer of the token endpoint and its neighbours.

    ``status`` is the HTTP status, ``error`` the code of RFC 6749 §5.2, ``description`` Keycloak's
    text for people; an answer without description leaves the member out.
    """

    def __init__(self, status: int, error: str, description: str | None = None) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description

    def body(self) -> dict[str, str]:
        """JSON body of the answer."""
        if self.description is None:
            return {"error": self.error}
        return {"error": self.error, "error_description": self.description}


class BearerError(Exception):
    """A refusal at the userinfo endpoint; ``error`` is None when no token was sent at all."""

    def __init__(self, status: int, error: str | None = None, description: str = "") -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description

    def challenge(self, realm: str) -> str:
        """Value of the ``WWW-Authenticate`` header."""
        if self.error is None:
            return f'Bearer realm="{realm}"'
        return (
            f'Bearer realm="{realm}", error="{self.error}", error_description="{self.description}"'
        )


class PageError(Exception):
    """A failure that is shown as a page, because there is no address it may be sent back to."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
