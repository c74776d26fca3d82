"""A listening TCP socket, for servers that hand it to uvicorn."""

from __future__ import annotations

import socket
import sys


def listening_socket(host: str, port: int) -> socket.socket:
    """Bound to an IPv4 address or name; else the process ends with status 1 and one line."""
    # The protocol is named because asyncio switches Nagle's algorithm off for TCP sockets only.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.exit(f"Cannot listen on {host}:{port}: {reason}")
    return listener
