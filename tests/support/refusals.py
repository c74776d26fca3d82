"""Requests that a token endpoint refuses, and how Keycloak 26 words it."""

from __future__ import annotations

BAD_CLIENT = "Invalid client or Invalid client credentials"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
PUBLIC = {"client_id": "firecrest-public"}
CREDENTIALS = {"grant_type": "client_credentials"}
PASSWORD = {"grant_type": "password", "username": "test1", "password": "test11"}
CODE = {"grant_type": "authorization_code", "redirect_uri": "http://localhost:7000/cb"}
REFRESH = {"grant_type": "refresh_token"}

# (who authenticates, fields, status, error, description)
REFUSALS: dict[str, tuple[str, dict[str, str], int, str, str]] = {
    "wrong secret": (
        "nobody",
        {**CREDENTIALS, "client_id": "firecrest-sample", "client_secret": "wrong"},
        *(401, "unauthorized_client", BAD_CLIENT),
    ),
    "missing secret": (
        "nobody",
        {**CREDENTIALS, "client_id": "firecrest-sample"},
        *(401, "unauthorized_client", BAD_CLIENT),
    ),
    "non-ASCII secret": (
        "nobody",
        {**CREDENTIALS, "client_id": "firecrest-sample", "client_secret": "ü"},
        *(401, "unauthorized_client", BAD_CLIENT),
    ),
    "unknown client": (
        "nobody",
        {**CREDENTIALS, "client_id": "who", "client_secret": "x"},
        *(401, "invalid_client", BAD_CLIENT),
    ),
    "no client": ("nobody", CREDENTIALS, 401, "invalid_client", BAD_CLIENT),
    "credentials of a public client": (
        "nobody",
        {**CREDENTIALS, **PUBLIC},
        *(401, "unauthorized_client"),
        "Public client not allowed to retrieve service account",
    ),
    "password grant is off": (
        "robot",
        PASSWORD,
        *(400, "unauthorized_client", "Client not allowed for direct access grants"),
    ),
    "wrong password": (
        "sample",
        {**PASSWORD, "password": "wrong"},
        *(400, "invalid_grant", "Invalid user credentials"),
    ),
    "unknown user": (
        "sample",
        {**PASSWORD, "username": "who"},
        *(400, "invalid_grant", "Invalid user credentials"),
    ),
    "empty password": (
        "sample",
        {**PASSWORD, "password": ""},
        *(400, "invalid_grant", "Invalid user credentials"),
    ),
    "service account does not log in": (
        "sample",
        {**PASSWORD, "username": "service-account-firecrest-sample", "password": ""},
        *(400, "invalid_grant", "Invalid user credentials"),
    ),
    "missing user name": (
        "sample",
        {"grant_type": "password", "password": "x"},
        *(401, "invalid_request", "Missing parameter: username"),
    ),
    "missing grant": (
        "sample",
        {},
        *(400, "invalid_request", "Missing form parameter: grant_type"),
    ),
    "unknown grant": (
        "sample",
        {"grant_type": "magic"},
        *(400, "unsupported_grant_type", "Unsupported grant_type"),
    ),
    "unknown scope": (
        "sample",
        {**CREDENTIALS, "scope": "firecrest nope"},
        *(400, "invalid_scope", "Invalid scopes: firecrest nope"),
    ),
    "empty scope": (
        "sample",
        {**CREDENTIALS, "scope": ""},
        *(400, "invalid_scope", "Invalid scopes: "),
    ),
    "unknown code": ("sample", {**CODE, "code": "x"}, 400, "invalid_grant", "Code not valid"),
    "missing code": ("sample", CODE, 400, "invalid_request", "Missing parameter: code"),
    "garbage refresh token": (
        "sample",
        {**REFRESH, "refresh_token": "abc"},
        *(400, "invalid_grant", "Invalid refresh token"),
    ),
    "non-ASCII refresh token": (
        "sample",
        {**REFRESH, "refresh_token": "e30.ü.ü"},
        *(400, "invalid_grant", "Invalid refresh token"),
    ),
    "missing refresh token": ("sample", REFRESH, 400, "invalid_request", "No refresh token"),
    "unknown device code": (
        "nobody",
        {**PUBLIC, "grant_type": DEVICE, "device_code": "x"},
        *(400, "invalid_grant", "Device code not valid"),
    ),
    "missing device code": (
        "nobody",
        {**PUBLIC, "grant_type": DEVICE},
        *(400, "invalid_request", "Missing parameter: device_code"),
    ),
    "device grant is off": (
        "sample",
        {"grant_type": DEVICE, "device_code": "x"},
        *(400, "invalid_grant", "Client not allowed OAuth 2.0 Device Authorization Grant"),
    ),
}
