"""The certificator's settings: one typed tree, read from a YAML file and the environment.

The file is named by the variable `F7T_CERTIFICATOR_CONFIG`; single values may be overridden by
variables such as `F7T_CERTIFICATOR_SECRET`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from f7t.sources import SHARED_SECRET, with_file


class CertificatorSettings(BaseSettings):
    """Everything the certificator can be told."""

    model_config = SettingsConfigDict(
        env_prefix="F7T_CERTIFICATOR_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    ca_key: Path = Field(description="The user certificate authority's private key, mode 0600.")
    secret: str = Field(
        repr=False, pattern=SHARED_SECRET, description="What gateways present as bearer token."
    )
    denied_users: dict[str, frozenset[str]] = Field(
        default={}, description="System -> users who get no certificate for it."
    )
    allowed_users: dict[str, frozenset[str]] = Field(
        default={},
        description="System -> the only users who get one; a system that is absent is open.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged: this and worse."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return with_file("F7T_CERTIFICATOR_CONFIG", settings_cls, init_settings, env_settings)
