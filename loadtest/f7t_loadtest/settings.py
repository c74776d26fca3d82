"""The target and who calls: variables `F7T_LOAD_…`, or a file of identities."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from f7t_conformance.configuration import Identity

FAMILIAR: Mapping[str, str] = {
    "FIRECREST_URL": "F7T_LOAD_TARGET",
    "FIRECREST_SYSTEM": "F7T_LOAD_SYSTEM",
    "FIRECREST_CLIENT_ID": "F7T_LOAD_IDENTITY__CLIENT_ID",
    "FIRECREST_CLIENT_SECRET": "F7T_LOAD_IDENTITY__CLIENT_SECRET",
    "AUTH_TOKEN_URL": "F7T_LOAD_IDENTITY__TOKEN_URL",
}
"""Names that clients of FirecREST use already, and `f7t env` prints."""


class BadSettings(Exception):
    """A setting is wrong or missing; the message names it and shows no value."""


class Settings(BaseSettings):
    """Whom to load, as whom."""

    model_config = SettingsConfigDict(
        env_prefix="F7T_LOAD_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    target: str = Field(default="", description="Public base URL of the FirecREST.")
    system: str = Field(default="", description="X-Machine-Name; empty: the first one it reports.")
    directory: str = Field(
        default="", description="Directory that every caller may write to; empty: their homes."
    )
    partition: str = Field(default="", description="Partition of jobs; empty: the default one.")
    account: str = Field(default="", description="Account of jobs.")
    metrics: str = Field(
        default="",
        description="URL of the gateway's metrics, or those of several gateways, separated by "
        "blanks; empty: SSH is not counted.",
    )
    identity: Identity = Field(default=Identity(), description="Who calls.")
    identities: tuple[Identity, ...] = Field(
        default=(), description="Several callers, as a JSON array; instead of `identity`."
    )
    identities_file: Path | None = Field(
        default=None, description="YAML or JSON file with such an array; instead of it."
    )

    def callers(self) -> tuple[Identity, ...]:
        """All identities, at least one.

        Raises:
            BadSettings: there is none, or the file cannot be read.
        """
        listed = self.identities
        if self.identities_file is not None:
            listed = _read(self.identities_file)
        if not listed and self.identity.given:
            listed = (self.identity,)
        if not listed or not all(one.given for one in listed):
            raise BadSettings(
                "no identity: set F7T_LOAD_IDENTITY__TOKEN (or __TOKEN_URL, __CLIENT_ID, "
                "__CLIENT_SECRET), or give --identities FILE"
            )
        return listed


def _read(path: Path) -> tuple[Identity, ...]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's own message quotes the file, which holds secrets.
        raise BadSettings(f"{path} is no YAML") from error
    try:
        return TypeAdapter(tuple[Identity, ...]).validate_python(content)
    except ValidationError as error:
        raise BadSettings(f"{path}: {_told(error)}") from None


def read_settings() -> Settings:
    """From the environment, with the names that other clients use as a fallback.

    Raises:
        BadSettings: a variable is wrong.
    """
    for name, own in FAMILIAR.items():
        taken = "IDENTITY__" in own and _other_identities()
        if os.environ.get(name) and not taken:
            os.environ.setdefault(own, os.environ[name])
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings(f"the settings are wrong: {_told(error)}") from None
    except ValueError as error:
        raise BadSettings(f"the settings are wrong: {type(error).__name__}") from None


def _other_identities() -> bool:
    several = ("IDENTITIES", "IDENTITIES_FILE")
    single = ("IDENTITY__TOKEN", "IDENTITY__TOKEN_FILE", "IDENTITY__COMMAND")
    return any(os.environ.get(f"F7T_LOAD_{name}") for name in (*several, *single))


def _told(error: ValidationError) -> str:
    """Where and what, without the values."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    )
