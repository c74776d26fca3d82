"""The gateway's settings: one typed tree, read from a YAML file and the environment.

The file is named by the variable `F7T_CONFIG`; single values may be overridden by variables such as
`F7T_UTILITIES__TIMEOUT=10` (double underscore between levels). Durations are seconds, sizes bytes
unless a field says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from f7t.sources import SHARED_SECRET, with_file

MEBIBYTE = 1024 * 1024
Seconds = Annotated[float, Field(ge=0)]
_DIRECTIVE = r"""^[^'\\\x00-\x1f]*$"""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSystem(_Group):
    """A file system of a system, as `/status/filesystems` shows it."""

    name: str
    path: str
    description: str = ""


class SystemSettings(_Group):
    """One machine behind the gateway."""

    name: str = Field(description="Public name, the value of X-Machine-Name.")
    host: str = Field(description="Address of the login node's sshd.")
    port: int = 22
    filesystems: tuple[FileSystem, ...] = ()
    denied_users: frozenset[str] = Field(
        default=frozenset(),
        description="Users who get no certificate for this system; a certificator has its own.",
    )
    job_base: str = Field(
        default="/home", description="Base of <user>/firecrest/<task id>, where jobs are submitted."
    )


class AuthSettings(_Group):
    """Which tokens are accepted (contract §2)."""

    issuer: str = Field(description="The exact `iss` of accepted tokens.")
    jwks_url: str = Field(description="Where the issuer's keys are fetched, reachable from here.")
    algorithms: tuple[str, ...] = ("RS256",)
    audience: str = Field(default="", description="Required `aud`; empty accepts any.")
    required_scope: str = "firecrest"
    service_account_role: str = Field(
        default="firecrest-sa",
        description="Realm role that lets a service account act as a POSIX user (contract §2.3).",
    )
    refresh_interval: Seconds = Field(
        default=5.0, description="Shortest time between two fetches for an unknown key id."
    )


class SshSettings(_Group):
    """Connections to the login nodes, with certificates of exactly one authority."""

    ca_key: Path | None = Field(
        default=None,
        description="The user certificate authority's private key, mode 0600: this process signs.",
    )
    certificator_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#@]+/?)?$",
        description="The delegation service, `http://host:port`: it signs, and decides for whom.",
    )
    certificator_secret: str = Field(
        default="",
        repr=False,
        pattern=rf"^$|{SHARED_SECRET}",
        description="What it knows us by, at least 16 characters.",
    )
    known_hosts: Path = Field(description="Pinned host keys of the login nodes.")
    certificate_lifetime: float = Field(default=300, gt=0, le=900, description="Seconds.")
    connect_timeout: Seconds = 10
    channels_per_connection: int = Field(default=9, ge=2)
    connections_per_user: int = Field(default=2, ge=1)
    idle_time: Seconds = Field(default=60, description="A connection unused for so long is closed.")
    maximum_age: Seconds = Field(default=600, description="A connection is not reused beyond this.")

    @model_validator(mode="after")
    def _one_authority(self) -> Self:
        if (self.ca_key is None) == (not self.certificator_url):
            raise ValueError("exactly one of ca_key and certificator_url must be given")
        if bool(self.certificator_url) != bool(self.certificator_secret):
            raise ValueError("certificator_url and certificator_secret belong together")
        return self


class UtilitiesSettings(_Group):
    """Blocking file commands."""

    timeout: Seconds = 5
    max_file_size_mb: int = Field(default=5, description="MiB; bodies, files and outputs.")

    @property
    def max_bytes(self) -> int:
        return self.max_file_size_mb * MEBIBYTE


class ComputeSettings(_Group):
    """Jobs."""

    timeout: Seconds = Field(default=30, description="Time limit of one scheduler command.")
    tail_bytes: int = Field(default=1000, description="Length of job_data_out and job_data_err.")
    spank_plugin_option: str = Field(
        default="",
        pattern=r"^(--[^\s]+)?$",
        description="Option of a Slurm plug-in added to every submission, e.g. --nohome.",
    )
    task_lifetime: Seconds = 86400


class InternalTransferSettings(_Group):
    """Transfers within the centre: where their jobs run."""

    machine: str = Field(
        default="", description="Public name of the system of the jobs; empty: the one named."
    )
    partition: str = Field(
        default="", pattern=_DIRECTIVE, description="Queue of the jobs; empty: the default queue."
    )
    constraint: str = Field(
        default="", pattern=_DIRECTIVE, description="Features that a job's node must have."
    )
    use_sched_project: bool = Field(
        default=False,
        description="Charge the user's primary group when a request names no account.",
    )


class ReservationSettings(_Group):
    """Advance reservations, made by a tool of the site."""

    command: str = Field(
        default="rsvmgmt",
        pattern=r"^[^\s=-][^\s=]*( .*)?$",
        description="The tool on the login node; blanks separate words, as in `sudo rsvmgmt`.",
    )
    timeout: Seconds = Field(default=30, description="Time limit of one call of it.")

    @property
    def argv(self) -> list[str]:
        return self.command.split()


class StorageSettings(_Group):
    """Transfers, external ones through the staging area."""

    public_url: str = Field(description="Object store as clients and login nodes call it.")
    private_url: str = Field(default="", description="As the gateway calls it; empty: public_url.")
    access_key: str
    secret_key: str = Field(repr=False)
    region: str = "us-east-1"
    tempurl_lifetime: int = Field(default=604800, ge=1, le=604800)
    max_file_size_mb: int = Field(default=5120, description="Largest single object, MB.")
    arrival_interval: Seconds = Field(
        default=0.4, description="Time between two looks for objects that arrived."
    )
    transfer_timeout: Seconds = Field(
        default=3600, description="Longest time that one move by the cluster may take."
    )
    task_lifetime: Seconds = 604800
    internal: InternalTransferSettings = InternalTransferSettings()


class TaskSettings(_Group):
    """Task records."""

    redis_url: str = Field(description="`unix:///path/redis.sock` or `redis://host:port/0`.")
    redis_password: str = Field(default="", repr=False)
    data_shape: Literal["auto", "object", "string"] = Field(
        default="auto",
        description="Shape of finished transfers' data (D13, D14): auto is the string on "
        "/tasks/{id} and the object on /tasks.",
    )
    long_poll: Seconds = Field(
        default=0.25, description="How long an unfinished task may hold the answer; 0: not at all."
    )
    lease: Seconds = Field(default=5.0, description="A task whose worker is silent is taken over.")
    sweep_interval: Seconds = 1.0
    concurrency_per_user: int = Field(default=16, ge=1)


class Settings(BaseSettings):
    """Everything the gateway can be told."""

    model_config = SettingsConfigDict(
        env_prefix="F7T_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    public_url: str = Field(
        default="", description="Base of task_url (D08); empty: from the request's own host."
    )
    internal_host: str = "127.0.0.1"
    internal_port: int = Field(default=0, description="Metrics and health; 0 switches them off.")
    metrics_directory: Path | None = Field(
        default=None,
        description="Where workers share their metrics, emptied at start; none: a temporary one.",
    )
    services: tuple[str, ...] = (
        "certificator",
        "utilities",
        "compute",
        "tasks",
        "storage",
        "reservations",
    )
    systems: tuple[SystemSettings, ...] = Field(min_length=1)
    auth: AuthSettings
    ssh: SshSettings
    storage: StorageSettings
    tasks: TaskSettings
    utilities: UtilitiesSettings = UtilitiesSettings()
    compute: ComputeSettings = ComputeSettings()
    reservations: ReservationSettings = ReservationSettings()
    firecrest_version: str = Field(
        default="1.16.6", description="Reported API version (D28); must be PEP 440."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _one_policy(self) -> Self:
        if self.ssh.certificator_url and any(one.denied_users for one in self.systems):
            raise ValueError("denied_users are a setting of the certificator that ssh names")
        return self

    @model_validator(mode="after")
    def _known_machine(self) -> Self:
        machine = self.storage.internal.machine
        if machine and machine not in {one.name for one in self.systems}:
            raise ValueError(f"storage.internal.machine: no system is called {machine!r}")
        return self

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
        return with_file("F7T_CONFIG", settings_cls, init_settings, env_settings)


def read_settings() -> Settings:
    """Read the settings of this process; raises `pydantic.ValidationError` naming every bad key."""
    return Settings()
