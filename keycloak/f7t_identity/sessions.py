"""What the issuer remembers between requests: sessions, codes and logins in progress.

All of it lives in memory: a restart ends every session, the keys survive (see `f7t_identity.keys`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from f7t_identity.realm import Lifespans

_PURGE_INTERVAL = 60.0
_REMEMBER_SPENT_CODES = 600.0
_USER_CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True)
class UserSession:
    """A login: one user, any number of clients. Times are seconds since the epoch."""

    id: str
    user_id: str
    identity: str
    started: float
    last_used: float
    auth_time: int | None
    clients: set[str] = field(default_factory=set)

    def expires(self, lifespans: Lifespans) -> float:
        """When the session ends if nobody uses it any more."""
        return min(
            self.last_used + lifespans.session_idle,
            self.started + lifespans.session_max,
        )

    def ends(self, lifespans: Lifespans) -> float:
        """When the session ends however much it is used."""
        return self.started + lifespans.session_max


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """A checked authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    client_id: str
    redirect_uri: str
    scope: str | None
    state: str | None
    nonce: str | None
    response_mode: str
    challenge: str | None
    challenge_method: str


@dataclass(slots=True)
class Login:
    """A person in front of the login page; bound to one browser by a cookie."""

    tab: str
    browser: str
    form_code: str
    created: float
    client_id: str
    request: AuthRequest | None
    user_code: str | None
    user_id: str | None = None


@dataclass(slots=True)
class Code:
    """An authorization code: redeemed at most once."""

    request: AuthRequest
    session_id: str
    acr: str
    expires: float
    spent: bool = False


class DeviceState(StrEnum):
    """What the person in front of the browser has said about a device."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(slots=True)
class Device:
    """A device waiting for a person to approve it (RFC 8628)."""

    code: str
    user_code: str
    client_id: str
    scope: str | None
    challenge: str | None
    challenge_method: str
    expires: float
    state: DeviceState = DeviceState.PENDING
    session_id: str | None = None
    last_poll: float | None = None


class Memory:
    """All state of a running issuer that is not a key."""

    def __init__(self, lifespans: Lifespans, clock: Callable[[], float]) -> None:
        self._lifespans = lifespans
        self._clock = clock
        self._sessions: dict[str, UserSession] = {}
        self._by_identity: dict[str, str] = {}
        self._logins: dict[str, Login] = {}
        self._codes: dict[str, Code] = {}
        self._devices: dict[str, Device] = {}
        self._revoked: dict[str, float] = {}
        self._purged = clock()

    def open_session(self, user_id: str, auth_time: int | None) -> UserSession:
        """Begin a session. ``auth_time`` is None where Keycloak sets none (password grant)."""
        self._purge()
        now = self._clock()
        session = UserSession(
            id=secrets.token_urlsafe(18),
            user_id=user_id,
            identity=secrets.token_urlsafe(32),
            started=now,
            last_used=now,
            auth_time=auth_time,
        )
        self._sessions[session.id] = session
        self._by_identity[session.identity] = session.id
        return session

    def session(self, session_id: str | None) -> UserSession | None:
        """The session with this id, if it is still alive."""
        found = self._sessions.get(session_id or "")
        if found is not None and found.expires(self._lifespans) <= self._clock():
            self.close_session(found.id)
            return None
        return found

    def session_of_browser(self, identity: str | None) -> UserSession | None:
        """The session whose identity cookie this is."""
        return self.session(self._by_identity.get(identity or ""))

    def touch(self, session: UserSession) -> None:
        """Note that the session was used."""
        session.last_used = self._clock()

    def close_session(self, session_id: str) -> None:
        """End a session; unknown ids are ignored."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            self._by_identity.pop(session.identity, None)

    def begin_login(
        self, browser: str, client_id: str, request: AuthRequest | None, user_code: str | None
    ) -> Login:
        """Remember a person who is about to log in."""
        self._purge()
        login = Login(
            tab=secrets.token_urlsafe(12),
            browser=browser,
            form_code=secrets.token_urlsafe(24),
            created=self._clock(),
            client_id=client_id,
            request=request,
            user_code=user_code,
        )
        self._logins[login.tab] = login
        return login

    def login(self, tab: str, browser: str | None) -> Login | None:
        """The login in progress of this tab, if it belongs to this browser and is young enough."""
        found = self._logins.get(tab)
        if found is None or browser is None:
            return None
        if not secrets.compare_digest(found.browser.encode(), browser.encode()):
            return None
        if found.created + self._lifespans.login <= self._clock():
            return None
        return found

    def end_login(self, login: Login) -> None:
        """Forget a login in progress."""
        self._logins.pop(login.tab, None)

    def issue_code(self, request: AuthRequest, session: UserSession, acr: str) -> str:
        """Make an authorization code."""
        self._purge()
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(request, session.id, acr, self._clock() + self._lifespans.code)
        return code

    def take_code(self, code: str) -> tuple[Code | None, bool]:
        """Spend a code. Gives the code (None: never issued) and whether this was its first use."""
        found = self._codes.get(code)
        if found is None:
            return None, False
        first = not found.spent
        found.spent = True
        return found, first

    def begin_device(
        self, client_id: str, scope: str | None, challenge: str | None, challenge_method: str
    ) -> Device:
        """Remember a device that asks for leave."""
        self._purge()
        letters = [secrets.choice(_USER_CODE_LETTERS) for _ in range(8)]
        device = Device(
            code=secrets.token_urlsafe(32),
            user_code="".join(letters[:4]) + "-" + "".join(letters[4:]),
            client_id=client_id,
            scope=scope,
            challenge=challenge,
            challenge_method=challenge_method,
            expires=self._clock() + self._lifespans.device_code,
        )
        self._devices[device.code] = device
        return device

    def device(self, code: str) -> Device | None:
        """The device with this device code, even if its time is over."""
        return self._devices.get(code)

    def device_of_user_code(self, user_code: str) -> Device | None:
        """The device still waiting under this user code; letter case and dash do not matter."""
        wanted = user_code.strip().upper().replace("-", "")
        for device in self._devices.values():
            waiting = device.state is DeviceState.PENDING and device.expires > self._clock()
            if waiting and device.user_code.replace("-", "") == wanted:
                return device
        return None

    def end_device(self, device: Device) -> None:
        """Forget a device: its code was redeemed."""
        self._devices.pop(device.code, None)

    def revoke(self, jti: str, expires: float) -> None:
        """Refuse an access token from now on."""
        self._purge()
        self._revoked[jti] = expires

    def is_revoked(self, jti: str) -> bool:
        return jti in self._revoked

    def size(self) -> int:
        """How many things are remembered."""
        kept = (self._sessions, self._logins, self._codes, self._devices, self._revoked)
        return sum(len(store) for store in kept)

    def _purge(self) -> None:
        """Drop what is over, at most once a minute, so that memory stays bounded."""
        now = self._clock()
        if now - self._purged < _PURGE_INTERVAL:
            return
        self._purged = now
        for session in list(self._sessions.values()):
            if session.expires(self._lifespans) <= now:
                self.close_session(session.id)
        oldest = now - self._lifespans.login
        self._logins = {k: v for k, v in self._logins.items() if v.created > oldest}
        spent = now - _REMEMBER_SPENT_CODES
        self._codes = {k: v for k, v in self._codes.items() if v.expires > spent}
        self._devices = {k: v for k, v in self._devices.items() if v.expires > spent}
        self._revoked = {k: v for k, v in self._revoked.items() if v > now}
