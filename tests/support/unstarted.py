"""Settings for looking at the application without starting anything."""

from __future__ import annotations

from f7t.settings import Settings


def unstarted_settings() -> Settings:
    """Settings that name nothing that exists."""
    return Settings.model_validate(
        {
            "systems": [{"name": "cluster", "host": "127.0.0.1"}],
            "auth": {"issuer": "http://issuer", "jwks_url": "http://127.0.0.1:1/certs"},
            "ssh": {"ca_key": "/nonexistent", "known_hosts": "/nonexistent"},
            "storage": {"public_url": "http://127.0.0.1:1", "access_key": "a", "secret_key": "s"},
            "tasks": {"redis_url": "unix:///nonexistent"},
        }
    )
