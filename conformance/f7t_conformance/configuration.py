"""What a run is told: a YAML file, variables `F7T_CONFORMANCE_…`, options of the command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

CONFIG_VARIABLE = "F7T_CONFORMANCE_CONFIG"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Group):
    """Who calls: exactly one of a token, a command, client credentials or a password.

    Every secret may be given as `<name>_file` instead, the path of a file that holds it.
    """

    token: SecretStr | None = Field(default=None, description="A bearer token, as it is.")
    token_file: Path | None = Field(default=None, description="A file that holds the token.")
    command: str = Field(default="", description="A shell command that prints a token.")
    token_url: str = Field(default="", description="The issuer's token endpoint.")
    client_id: str = Field(default="", description="The client; `token_url` needs it.")
    client_secret: SecretStr | None = Field(default=None, description="The client's secret.")
    client_secret_file: Path | None = Field(default=None, description="A file that holds it.")
    username: str = Field(default="", description="With it the password grant is used.")
    password: SecretStr | None = Field(default=None, description="Of that user.")
    password_file: Path | None = Field(default=None, description="A file that holds it.")

    @property
    def given(self) -> bool:
        return bool(self.token or self.token_file or self.command or self.token_url)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        static = self.token is not None or self.token_file is not None
        if sum((static, bool(self.command), bool(self.token_url))) > 1:
            raise ValueError("give one of token, command and token_url")
        if self.token_url and not self.client_id:
            raise ValueError("token_url needs client_id")
        return self

    def secret(self, name: str) -> str:
        """A secret's text, from its field or its file; empty if neither is given."""
        value: SecretStr | None = getattr(self, name)
        if value is not None:
            return value.get_secret_value()
        path: Path | None = getattr(self, f"{name}_file")
        return path.read_text("utf-8").strip() if path else ""


class Budget(_Group):
    """What a run may cost at most."""

    seconds: float = Field(default=900, gt=0, description="Length of the run.")
    requests_per_second: float = Field(default=100, gt=0, description="Over all workers.")
    jobs: int = Field(default=150, ge=0, description="Jobs submitted.")


class Settings(BaseSettings):
    """One run against one server."""

    model_config = SettingsConfigDict(
        env_prefix="F7T_CONFORMANCE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    target: str = Field(default="", description="Public base URL of the FirecREST.")
    system: str = Field(default="", description="X-Machine-Name; empty: the first one it reports.")
    directory: str = Field(
        default="", description="Writable directory on the system; empty: found by the suite."
    )
    version: str = Field(default="", description="API version to judge by; empty: as reported.")
    partition: str = Field(default="", description="Partition of jobs; empty: the default one.")
    account: str = Field(default="", description="Account of jobs and reservations.")
    node_type: str = Field(
        default="",
        description="Feature of nodes that the account may reserve; enables reservations.",
    )
    identity: Identity = Field(default=Identity(), description="Who calls.")
    second: Identity = Field(
        default=Identity(), description="Somebody else, who may not see what the first one has."
    )
    expired_token: SecretStr | None = Field(
        default=None, description="A genuine token that has expired; enables one requirement."
    )
    budget: Budget = Field(default=Budget(), description="What a run may cost at most.")
    run: str = Field(default="", description="Prefix of everything that the run makes.")

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
        config = os.environ.get(CONFIG_VARIABLE)
        if not config:
            return init_settings, env_settings
        if not Path(config).is_file():
            raise FileNotFoundError(f"{config}: there is no such file")
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, Path(config))
