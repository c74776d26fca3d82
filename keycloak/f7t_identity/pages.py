"""The few pages a person sees: login, consent for a device, a message."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#eef1f4;color:#1c2733}
main{max-width:24rem;margin:10vh auto;padding:2rem;background:#fff;border-radius:.5rem;
box-shadow:0 1px 4px #0003}
h1{font-size:1rem;margin:0;color:#4a5a6a}h2{font-size:1.4rem;margin:.2rem 0 1rem}
label{display:block;margin:.8rem 0 .2rem}
input[type=text],input[type=password]{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;
border:1px solid #6b7b8b;border-radius:.25rem}
button{margin:1.2rem .5rem 0 0;padding:.5rem 1.2rem;font:inherit;border:1px solid #0b5cad;
border-radius:.25rem;background:#0b5cad;color:#fff;cursor:pointer}
button.secondary{background:#fff;color:#0b5cad}
[role=alert]{padding:.5rem .8rem;background:#fdecea;border-left:4px solid #b3261e}
"""


def _page(realm: str, title: str, body: str, status: int = 200) -> HTMLResponse:
    text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(realm)}</h1><h2>{escape(title)}</h2>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, _HEADERS)


def _alert(message: str) -> str:
    return f'<p role="alert">{escape(message)}</p>' if message else ""


def login_page(realm: str, action: str, username: str = "", message: str = "") -> HTMLResponse:
    """User name and password; names of the form and its fields are Keycloak's."""
    body = (
        f"{_alert(message)}"
        f'<form id="kc-form-login" method="post" action="{escape(action)}">'
        '<label for="username">Username</label>'
        f'<input type="text" id="username" name="username" value="{escape(username)}"'
        ' autocomplete="username" autofocus required>'
        '<label for="password">Password</label>'
        '<input type="password" id="password" name="password"'
        ' autocomplete="current-password" required>'
        '<button type="submit" name="login" id="kc-login">Sign In</button></form>'
    )
    return _page(realm, "Sign in to your account", body)


def user_code_page(realm: str, action: str, message: str = "") -> HTMLResponse:
    """The code a device shows."""
    body = (
        f"{_alert(message)}<p>Enter the code provided by your device and click Submit.</p>"
        f'<form id="kc-user-verify-device-user-code-form" method="post" action="{escape(action)}">'
        '<label for="device-user-code">Code</label>'
        '<input type="text" id="device-user-code" name="device_user_code" autocomplete="off"'
        ' autofocus required><button type="submit">Submit</button></form>'
    )
    return _page(realm, "Device Login", body)


def consent_page(realm: str, action: str, client: str, user_code: str, code: str) -> HTMLResponse:
    """Ask whether a device may act for the person who is logged in."""
    body = (
        f"<p>The device that shows the code <strong>{escape(user_code)}</strong>"
        " will act in your name. Do you grant this?</p>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="code" value="{escape(code)}">'
        '<button type="submit" name="accept" id="kc-login" value="Yes">Yes</button>'
        '<button type="submit" name="cancel" id="kc-cancel" value="No" class="secondary">No'
        "</button>"
        "</form>"
    )
    return _page(realm, f"Grant Access to {client}", body)


def logout_page(realm: str, action: str, code: str) -> HTMLResponse:
    """Ask whether the person wants to log out (RP-Initiated Logout §2)."""
    body = (
        f'<p>Do you want to log out?</p><form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="session_code" value="{escape(code)}">'
        '<button type="submit" name="confirmLogout" id="kc-logout">Logout</button></form>'
    )
    return _page(realm, "Logging out", body)


def message_page(realm: str, title: str, message: str, status: int = 200) -> HTMLResponse:
    """A plain message."""
    return _page(realm, title, f"<p>{escape(message)}</p>", status)


def error_page(realm: str, message: str, status: int = 400) -> HTMLResponse:
    """A failure that concerns a person."""
    return _page(realm, "We are sorry...", _alert(message), status)
