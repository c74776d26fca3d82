"""The gateway's settings: one typed tree, read from a YAML file and the environment.

The file is named by the variable `F7T_CONFIG`; single values may be overridden by variables such as
`F7T_UTILITIES__TIMEOUT=10` (double underscore between levels). Whatever neither of them says may be
said by a variable of the original FirecREST (`f7t.upstream_names`). docs/settings.md is made of the
descriptions and units here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from f7t.public_keys import public_keys
from f7t.sources import SHARED_SECRET, with_file
from f7t.upstream_names import UpstreamNames

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Unit:
    """What the numbers of a setting count; for its documentation."""

    name: str


Seconds = Annotated[float, Field(ge=0), Unit("s")]
WholeSeconds = Annotated[int, Unit("s")]
Mebibytes = Annotated[int, Field(ge=1), Unit("MiB")]
Bytes = Annotated[int, Field(ge=0), Unit("bytes")]
_DIRECTIVE = r"""^[^'\\\x00-\x1f]*$"""


def _readable_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    public_keys(texts)
    return texts


def _readable_by_clients(text: str) -> str:
    try:
        Version(text)
    except InvalidVersion:
        raise ValueError("not a version like 1.16.6 (PEP 440): clients parse it") from None
    return text


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileSystem(_Group):
    """A file system of a system, as `/status/filesystems` shows it.

    An entry without name or path stops nothing: that page then says that the table is broken.
    """

    name: str = Field(default="", description="What people call it, e.g. HOME.")
    path: str = Field(default="", description="Where it is mounted; must not be empty to be up.")
    description: str = Field(default="", description="For whom or what it is.")

    @property
    def is_complete(self) -> bool:
        """Whether it can be shown."""
        return bool(self.name and self.path)


class SystemSettings(_Group):
    """One machine behind the gateway."""

    name: str = Field(description="Public name, the value of X-Machine-Name.")
    host: str = Field(description="Address of the login node's sshd.")
    port: int = Field(default=22, description="Port of that sshd.")
    filesystems: tuple[FileSystem, ...] = Field(
        default=(), description="What `/status/filesystems` looks at and `FILESYSTEMS` lists."
    )
    denied_users: frozenset[str] = Field(
        default=frozenset(),
        description="Users who get no certificate for this system; a certificator has its own.",
    )
    job_base: str = Field(
        default="/home",
        description="Base of `<user>/firecrest/<task id>`, where jobs are submitted.",
    )


class AuthSettings(_Group):
    """Which tokens are accepted (contract §2)."""

    issuer: str = Field(description="The exact `iss` of accepted tokens.")
    jwks_url: str = Field(
        default="", description="Where the issuer's keys are fetched, reachable from here."
    )
    public_keys: Annotated[tuple[str, ...], AfterValidator(_readable_keys)] = Field(
        default=(),
        description="Instead of jwks_url: the issuer's public keys, as bare base64 or PEM.",
    )
    algorithms: tuple[str, ...] = Field(
        default=("RS256",), description="Signature algorithms of accepted tokens."
    )
    audience: str = Field(default="", description="Required `aud`; empty accepts any.")
    required_scope: str = Field(
        default="firecrest", description="Word that `scope` must hold; empty accepts any."
    )
    service_account_role: str = Field(
        default="firecrest-sa",
        description="Realm role that lets a service account act as a POSIX user (contract §2.3).",
    )
    refresh_interval: Seconds = Field(
        default=5.0, description="Shortest time between two fetches for an unknown key id."
    )

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if bool(self.jwks_url) == bool(self.public_keys):
            raise ValueError("exactly one of jwks_url and public_keys must be given")
        return self


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
    certificate_lifetime: Annotated[float, Unit("s")] = Field(
        default=300, gt=0, le=900, description="How long a certificate can be used to log in."
    )
    connect_timeout: Seconds = Field(default=10, description="Time limit of one login.")
    channels_per_connection: int = Field(
        default=9, ge=2, description="Commands and transfers at once over one connection."
    )
    connections_per_user: int = Field(
        default=2, ge=1, description="Connections of one user to one system, per worker."
    )
    idle_time: Seconds = Field(default=60, description="A connection unused for so long is closed.")
    maximum_age: Seconds = Field(default=600, description="A connection is not reused beyond this.")
    program_idle_time: Annotated[float, Unit("s")] = Field(
        default=10,
        ge=0,
        description="A user's shell or scontrol that stays between two submissions is ended when "
        "it is unused for so long; 0 keeps none.",
    )
    program_maximum_age: Annotated[float, Unit("s")] = Field(
        default=60,
        ge=0,
        description="It is not reused beyond this, so that changed start-up files take effect.",
    )

    @model_validator(mode="after")
    def _one_authority(self) -> Self:
        if (self.ca_key is None) == (not self.certificator_url):
            raise ValueError("exactly one of ca_key and certificator_url must be given")
        if bool(self.certificator_url) != bool(self.certificator_secret):
            raise ValueError("certificator_url and certificator_secret belong together")
        return self


class UtilitiesSettings(_Group):
    """Blocking file commands."""

    timeout: Seconds = Field(default=5, description="Time limit of one command.")
    max_file_size_mb: Mebibytes = Field(
        default=5, description="Largest request body, file and output of a blocking call."
    )

    @property
    def max_bytes(self) -> int:
        return self.max_file_size_mb * MEBIBYTE


class ComputeSettings(_Group):
    """Jobs."""

    timeout: Seconds = Field(default=30, description="Time limit of one scheduler command.")
    tail_bytes: Bytes = Field(default=1000, description="Length of job_data_out and job_data_err.")
    spank_plugin_option: str = Field(
        default="",
        pattern=r"^(--[^\s]+)?$",
        description="Option of a Slurm plug-in added to every submission, e.g. --nohome.",
    )
    task_lifetime: Seconds = Field(
        default=86400, description="How long a task's record outlives its last change."
    )


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
    access_key: str = Field(description="Who the gateway is to the object store.")
    secret_key: str = Field(repr=False, description="What signs links and forms.")
    region: str = Field(default="us-east-1", description="Region that signatures name.")
    tempurl_lifetime: WholeSeconds = Field(
        default=604800, ge=1, le=604800, description="How long links, forms and objects last."
    )
    max_file_size_mb: Mebibytes = Field(default=5120, description="Largest single object.")
    arrival_interval: Seconds = Field(
        default=0.4, description="Time between two looks for objects that arrived."
    )
    transfer_timeout: Seconds = Field(
        default=3600, description="Longest time that one move by the cluster may take."
    )
    task_lifetime: Seconds = Field(
        default=604800, description="How long a task's record outlives its last change."
    )
    internal: InternalTransferSettings = Field(
        default=InternalTransferSettings(), description="Transfers within the centre."
    )


class TaskSettings(_Group):
    """Task records."""

    redis_url: str = Field(description="`unix:///path/redis.sock` or `redis://host:port/0`.")
    redis_password: str = Field(
        default="", repr=False, description="The server's password, if it wants one."
    )
    data_shape: Literal["auto", "object", "string"] = Field(
        default="auto",
        description="Shape of finished transfers' data (D13, D14): auto is the string on "
        "/tasks/{id} and the object on /tasks.",
    )
    long_poll: Seconds = Field(
        default=0.25, description="How long an unfinished task may hold the answer; 0: not at all."
    )
    lease: Seconds = Field(default=5.0, description="A task whose worker is silent is taken over.")
    sweep_interval: Seconds = Field(
        default=1.0, description="Time between two looks for tasks that nobody carries out."
    )
    concurrency_per_user: int = Field(
        default=16, ge=1, description="Tasks of one user carried out at once, per worker."
    )


class RateLimitSettings(_Group):
    """How often one user may call; nobody is limited unless `requests` says so."""

    requests: int = Field(
        default=0, ge=0, description="Requests of one user within a period; 0: no limit."
    )
    period: Annotated[float, Unit("s")] = Field(
        default=60, ge=1, description="Begins with a user's first request, all workers together."
    )
    retry_after: Literal["seconds", "http-date"] = Field(
        default="seconds", description="Form of `Retry-After` in a 429 (RFC 9110 §10.2.3)."
    )


class Settings(BaseSettings):
    """Everything the gateway can be told."""

    model_config = SettingsConfigDict(
        env_prefix="F7T_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    public_url: str = Field(
        default="", description="Base of task_url (D08); empty: from the request's own host."
    )
    internal_host: str = Field(
        default="127.0.0.1", description="Address of the internal port, never to be published."
    )
    internal_port: int = Field(default=0, description="Metrics and health; 0 switches them off.")
    metrics_directory: Path | None = Field(
        default=None,
        description="Where workers share their metrics, emptied at start; none: a temporary one.",
    )
    services: tuple[str, ...] = Field(
        default=("certificator", "utilities", "compute", "tasks", "storage", "reservations"),
        description="Names that `/status/services` reports.",
    )
    systems: tuple[SystemSettings, ...] = Field(
        min_length=1, description="The machines behind the gateway, each name once."
    )
    auth: AuthSettings = Field(description="Which tokens are accepted.")
    ssh: SshSettings = Field(description="How login nodes are reached, and who signs for it.")
    storage: StorageSettings = Field(description="The staging area of external transfers.")
    tasks: TaskSettings = Field(description="Where task records are kept, and who works on them.")
    utilities: UtilitiesSettings = Field(
        default=UtilitiesSettings(), description="Limits of blocking file commands."
    )
    compute: ComputeSettings = Field(default=ComputeSettings(), description="Limits of jobs.")
    reservations: ReservationSettings = Field(
        default=ReservationSettings(), description="The site's tool for advance reservations."
    )
    rate_limit: RateLimitSettings = Field(
        default=RateLimitSettings(), description="How often one user may call."
    )
    firecrest_version: Annotated[str, AfterValidator(_readable_by_clients)] = Field(
        default="1.16.6",
        description="Reported API version, PEP 440 (D28); what came later is not served.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged: this and worse."
    )

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
        """Arguments win over the environment, that over the file, that over upstream's names."""
        own = with_file("F7T_CONFIG", settings_cls, init_settings, env_settings)
        return *own, UpstreamNames(settings_cls)


def read_settings() -> Settings:
    """Read the settings of this process; raises `pydantic.ValidationError` naming every bad key."""
    return Settings()
