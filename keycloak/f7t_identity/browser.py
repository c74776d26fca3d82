"""The browser's way: authorization endpoint, login, device approval, logout.

A login in progress is bound to a browser by the cookie AUTH_SESSION_ID and to its form by a
one-time code, so that no other page can log somebody in or approve a device in somebody's name.
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from f7t_identity.endpoints import checked_challenge, query_form
from f7t_identity.errors import OAuthError, PageError
from f7t_identity.forms import Form, authenticate_client, read_form, same
from f7t_identity.grants import Issuer, check_password
from f7t_identity.pages import (
    consent_page,
    login_page,
    logout_page,
    message_page,
    user_code_page,
)
from f7t_identity.realm import Client, matches_any
from f7t_identity.sessions import AuthRequest, DeviceState, Login, UserSession
from f7t_identity.tokens import resolve_scopes

_BROWSER_COOKIE = "AUTH_SESSION_ID"
_IDENTITY_COOKIE = "KEYCLOAK_IDENTITY"
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{20,64}")
_EXPIRED_PAGE = (
    "Restart login cookie not found. It may have expired; it may have been deleted or cookies are"
    " disabled in your browser."
)
_NOT_ALLOWED = "Client is not allowed to initiate browser login with given response_type."
_NO_IMPLICIT_FLOW = "Implicit flow is disabled for the client."


def add_parameters(uri: str, parameters: dict[str, str], mode: str = "query") -> str:
    """``uri`` with more parameters in its query or fragment."""
    parts = urlsplit(uri)
    text = urlencode(parameters)
    if mode == "fragment":
        return urlunsplit(parts._replace(fragment=text))
    return urlunsplit(parts._replace(query=f"{parts.query}&{text}" if parts.query else text))


class BrowserEndpoints:
    """The endpoints that show pages."""

    def __init__(self, issuer: Issuer, public_url: str) -> None:
        self._issuer = issuer
        self._realm = issuer.realm
        self._memory = issuer.memory
        self._iss = f"{public_url}/realms/{issuer.realm.name}"

    async def authorize(self, request: Request) -> Response:
        """Authorization endpoint (RFC 6749 §3.1)."""
        query = query_form(request) if request.method == "GET" else await read_form(request)
        client = self._known_client(query)
        uri = query.get("redirect_uri", "")
        if not client.allows_redirect(uri):
            raise PageError("Invalid parameter: redirect_uri")
        state = {"state": query["state"]} if "state" in query else {}
        mode = "fragment" if query.get("response_mode") == "fragment" else "query"
        try:
            asked = self._checked_request(client, query, mode)
        except OAuthError as error:
            parameters = {**error.body(), **state, "iss": self._iss}
            return RedirectResponse(add_parameters(uri, parameters, mode), 302)
        session = self._browser_session(request)
        if session is not None and self._is_fresh(session, query):
            return self._redirect_with_code(asked, session, acr="0")
        if "none" in query.get("prompt", "").split():
            parameters = {"error": "login_required", **state, "iss": self._iss}
            return RedirectResponse(add_parameters(uri, parameters, mode), 302)
        login = self._memory.begin_login(self._browser(request), client.client_id, asked, None)
        page = self._login_form(request, login, query.get("login_hint", ""))
        return self._with_browser_cookie(request, page, login)

    def _known_client(self, query: Form) -> Client:
        if "client_id" not in query:
            raise PageError("Invalid Request")
        client = self._realm.clients.get(query["client_id"])
        if client is None:
            raise PageError("Client not found.")
        if not client.enabled:
            raise PageError("Login requester not enabled")
        return client

    def _checked_request(self, client: Client, query: Form, mode: str) -> AuthRequest:
        """Check everything that may be reported to the client. Raises OAuthError."""
        if query.repeated:
            raise OAuthError(400, "invalid_request", "duplicated parameter")
        kind = query.get("response_type")
        if kind is None:
            raise OAuthError(400, "invalid_request", "Missing parameter: response_type")
        if kind in ("token", "id_token", "id_token token"):
            raise OAuthError(400, "unauthorized_client", f"{_NOT_ALLOWED} {_NO_IMPLICIT_FLOW}")
        if kind != "code":
            raise OAuthError(400, "unsupported_response_type")
        if query.get("response_mode", mode) != mode:
            raise OAuthError(400, "invalid_request", "Invalid parameter: response_mode")
        if not client.standard_flow:
            text = f"{_NOT_ALLOWED} Standard flow is disabled for the client."
            raise OAuthError(400, "unauthorized_client", text)
        resolve_scopes(self._realm, client, query.get("scope"))
        challenge, method = checked_challenge(client, query)
        return AuthRequest(
            client_id=client.client_id,
            redirect_uri=query["redirect_uri"],
            scope=query.get("scope"),
            state=query.get("state"),
            nonce=query.get("nonce"),
            response_mode=mode,
            challenge=challenge,
            challenge_method=method,
        )

    def _is_fresh(self, session: UserSession, query: Form) -> bool:
        """Whether the session spares the person a new login (OpenID Connect Core §3.1.2.1)."""
        if "login" in query.get("prompt", "").split():
            return False
        limit = query.get("max_age", "")
        if not limit.isdigit():
            return True
        return session.auth_time is not None and self._issuer.clock() < (
            session.auth_time + int(limit)
        )

    def _redirect_with_code(self, asked: AuthRequest, session: UserSession, acr: str) -> Response:
        session.clients.add(asked.client_id)
        self._memory.touch(session)
        parameters = {"state": asked.state} if asked.state is not None else {}
        parameters |= {
            "session_state": session.id,
            "iss": self._iss,
            "code": self._memory.issue_code(asked, session, acr),
        }
        uri = add_parameters(asked.redirect_uri, parameters, asked.response_mode)
        return RedirectResponse(uri, 302, {"Cache-Control": "no-store"})

    async def authenticate(self, request: Request) -> Response:
        """The login form: shown again on GET, judged on POST."""
        query = query_form(request)
        login = self._login_in_progress(request, query)
        if request.method != "POST":
            return self._login_form(request, login)
        form = await read_form(request)
        if not same(query.get("session_code", ""), login.form_code):
            return self._login_form(request, login, message="Your login attempt timed out.")
        username = form.get("username", "")
        user = check_password(self._realm, username, form.get("password", ""))
        if user is None:
            return self._login_form(request, login, username, "Invalid username or password.")
        if not user.enabled:
            return self._login_form(request, login, username, "Account is disabled.")
        if not user.is_set_up:
            raise PageError("Account is not fully set up")
        session = self._memory.open_session(user.id, auth_time=int(self._issuer.clock()))
        login.user_id = user.id
        if login.request is not None:
            self._memory.end_login(login)
            response = self._redirect_with_code(login.request, session, acr="1")
        else:
            response = RedirectResponse(self._login_url(request, login, "consent"), 302)
        self._set_cookie(request, response, _IDENTITY_COOKIE, session.identity)
        return response

    async def device(self, request: Request) -> Response:
        """Where a person enters the code of a device (RFC 8628 §3.3)."""
        action = request.url.path
        if request.method == "POST":
            user_code = (await read_form(request)).get("device_user_code")
        else:
            user_code = query_form(request).get("user_code")
        if user_code is None:
            return user_code_page(self._realm.display_name, action)
        device = self._memory.device_of_user_code(user_code)
        if device is None:
            message = "Invalid code, please try again."
            return user_code_page(self._realm.display_name, action, message)
        login = self._memory.begin_login(
            self._browser(request), device.client_id, None, device.user_code
        )
        known = self._browser_session(request) is not None
        url = self._login_url(request, login, "consent" if known else "authenticate")
        return self._with_browser_cookie(request, RedirectResponse(url, 302), login)

    async def consent(self, request: Request) -> Response:
        """Ask the person who is logged in whether the device may act in their name."""
        login = self._login_in_progress(request, query_form(request))
        session = self._browser_session(request)
        device = self._memory.device_of_user_code(login.user_code or "")
        if session is None or device is None:
            raise PageError(_EXPIRED_PAGE)
        if request.method != "POST":
            client = self._realm.clients[login.client_id]
            action = self._login_url(request, login, "consent")
            name = self._realm.display_name
            return consent_page(name, action, client.name, device.user_code, login.form_code)
        form = await read_form(request)
        if not same(form.get("code", ""), login.form_code):
            raise PageError(_EXPIRED_PAGE)
        self._memory.end_login(login)
        name = self._realm.display_name
        if "accept" not in form:
            device.state = DeviceState.DENIED
            return message_page(name, "Device Login Failed", "Consent denied for this device.")
        device.session_id, device.state = session.id, DeviceState.APPROVED
        text = "You may close this browser window and go back to your device."
        return message_page(name, "Device Login Successful", text)

    async def logout(self, request: Request) -> Response:
        """End a session: by refresh token, by ID token as hint, or by asking the person."""
        form = await read_form(request) if request.method == "POST" else query_form(request)
        if request.method == "POST" and "refresh_token" in form:
            return self._logout_client(request, form)
        uri = form.get("post_logout_redirect_uri")
        claims = self._issuer.tokens.read_id_token_hint(form.get("id_token_hint", ""))
        client_id = claims["azp"] if claims is not None else form.get("client_id", "")
        client = self._realm.clients.get(client_id)
        if uri is not None and (client is None or not matches_any(uri, client.logout_uris)):
            raise PageError("Invalid redirect uri")
        if claims is None:
            code = self._memory.begin_login(self._browser(request), client_id, None, None)
            action = self._login_url(request, code, "logout-confirm")
            page = logout_page(self._realm.display_name, action, code.form_code)
            return self._with_browser_cookie(request, page, code)
        self._memory.close_session(str(claims.get("sid")))
        if uri is None:
            return self._logged_out(request)
        state = {"state": form["state"]} if "state" in form else {}
        back = add_parameters(uri, state) if state else uri
        return RedirectResponse(back, 302, {"Cache-Control": "no-cache"})

    def _logout_client(self, request: Request, form: Form) -> Response:
        client = authenticate_client(self._realm, request.headers, form)
        claims = self._issuer.tokens.read_refresh_token(form["refresh_token"])
        if claims["azp"] != client.client_id:
            text = "Invalid refresh token. Token client and authorized client don't match"
            raise OAuthError(400, "invalid_grant", text)
        self._memory.close_session(claims["sid"])
        return Response(status_code=204, headers={"Cache-Control": "no-cache"})

    async def logout_confirm(self, request: Request) -> Response:
        """The answer to "Do you want to log out?"."""
        login = self._login_in_progress(request, query_form(request))
        form = await read_form(request)
        if not same(form.get("session_code", ""), login.form_code):
            raise PageError(_EXPIRED_PAGE)
        self._memory.end_login(login)
        session = self._browser_session(request)
        if session is not None:
            self._memory.close_session(session.id)
        return self._logged_out(request)

    def _logged_out(self, request: Request) -> Response:
        name = self._realm.display_name
        page = message_page(name, "You are logged out", "You are logged out.")
        page.delete_cookie(_IDENTITY_COOKIE, path=self._base(request))
        return page

    def _login_in_progress(self, request: Request, query: Form) -> Login:
        login = self._memory.login(query.get("tab_id", ""), request.cookies.get(_BROWSER_COOKIE))
        if login is None:
            raise PageError(_EXPIRED_PAGE)
        return login

    def _login_form(
        self, request: Request, login: Login, username: str = "", message: str = ""
    ) -> Response:
        # A fresh code for every showing: an old form cannot be sent twice.
        login.form_code = secrets.token_urlsafe(24)
        action = self._login_url(request, login, "authenticate", session_code=login.form_code)
        return login_page(self._realm.display_name, action, username, message)

    def _login_url(self, request: Request, login: Login, step: str, **more: str) -> str:
        query = urlencode({**more, "client_id": login.client_id, "tab_id": login.tab})
        return f"{self._base(request)}login-actions/{step}?{query}"

    def _base(self, request: Request) -> str:
        """Path of the realm as this browser sees it, with or without ``/auth``."""
        marker = f"/realms/{self._realm.name}/"
        return request.url.path.partition(marker)[0] + marker

    def _browser(self, request: Request) -> str:
        """Identity of the browser: from its cookie, else a new one."""
        cookie = request.cookies.get(_BROWSER_COOKIE, "")
        return cookie if _TOKEN.fullmatch(cookie) else secrets.token_urlsafe(24)

    def _browser_session(self, request: Request) -> UserSession | None:
        return self._memory.session_of_browser(request.cookies.get(_IDENTITY_COOKIE))

    def _with_browser_cookie(self, request: Request, page: Response, login: Login) -> Response:
        self._set_cookie(request, page, _BROWSER_COOKIE, login.browser)
        return page

    def _set_cookie(self, request: Request, response: Response, name: str, value: str) -> None:
        response.set_cookie(name, value, path=self._base(request), httponly=True, samesite="lax")
