"""The table of the original FirecREST's variables (release 1.16): where each goes, or why not.

A new row is one line of `NAMES`; docs/settings.md is made of it. `f7t.upstream_names` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Read = Callable[[str], Any]


@dataclass(frozen=True)
class Name:
    """One row.

    Attributes:
        variable: the name in release 1.16; a `*` at the end stands for anything, without setting.
        setting: where it goes, levels separated by dots; empty: nowhere.
        why: a remark, or why it goes nowhere.
        older: names of former releases, which count where the present one is not given.
        read: from text to the setting's value; raises `ValueError` with what is wrong.
        empty_counts: whether an empty variable is a value, not the same as an absent one.
        unless: another setting that takes the place of this one where it is given.
    """

    variable: str
    setting: str = ""
    why: str = ""
    older: tuple[str, ...] = ()
    read: Read = str
    empty_counts: bool = False
    unless: str = ""


def bare(value: str) -> str:
    """Without blanks and a pair of quotes around it, which some readers of such files keep."""
    value = value.strip()
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1].strip() if quoted else value


def parallel(value: str) -> list[str]:
    """The values between `;`, whose places matter, each perhaps in quotes."""
    return [bare(part) for part in value.split(";")]


def _list(value: str) -> list[str]:
    """The values between `;`; repeated ones count once."""
    return list(dict.fromkeys(part for part in parallel(value) if part))


def _same(value: str) -> str:
    """The one value of a list that repeats it for every system."""
    different = list(dict.fromkeys(part for part in parallel(value) if part))
    if len(different) > 1:
        raise ValueError("only one for all systems is possible here")
    return different[0] if different else ""


def is_true(value: str) -> bool:
    """Upstream's idea of true."""
    return value.upper() in {"TRUE", "YES", "1"}


def _only(allowed: str) -> Read:
    """For what is always so here: any other wish is refused, not ignored."""

    def read(value: str) -> None:
        if value.lower() != allowed.lower():
            raise ValueError(f"only {allowed} is possible here")

    return read


def _off(value: str) -> None:
    """Nobody may believe in a policy that is not asked."""
    if is_true(value):
        raise ValueError("there is no client for OPA here; deny users with denied_users instead")


def _version(value: str) -> str:
    try:
        return str(json.loads(value)["FIRECREST_VERSION"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("this is no JSON object with FIRECREST_VERSION") from None


def _level(value: str) -> str:
    return "debug" if is_true(value) else "info"


def _unused(why: str, *variables: str) -> Iterator[Name]:
    return (Name(variable, why=why) for variable in variables)


_SERVICES = ("CERTIFICATOR", "COMPUTE", "RESERVATIONS", "STATUS", "STORAGE", "TASKS", "UTILITIES")

NAMES: tuple[Name, ...] = (
    Name("F7T_SYSTEMS_PUBLIC_NAME", "systems", "list of names", ("F7T_SYSTEMS_PUBLIC",)),
    Name("F7T_SYSTEMS_INTERNAL_ADDR", "systems", "list of `host:port`, one for each name"),
    Name("F7T_FILESYSTEMS", "systems", "Python literal: name → list of file systems"),
    Name("F7T_COMPUTE_BASE_FS", "systems", "job_base: one for all names, or a list"),
    Name("F7T_AUTH_TOKEN_ISSUER", "auth.issuer", older=("F7T_AUTH_ISSUER",)),
    Name(
        "F7T_AUTH_PUBLIC_KEYS",
        "auth.public_keys",
        "list; gives way to auth.jwks_url",
        ("F7T_REALM_RSA_PUBLIC_KEYS",),
        _list,
        unless="auth.jwks_url",
    ),
    Name("F7T_AUTH_ALGORITHMS", "auth.algorithms", "list", ("F7T_REALM_RSA_TYPE",), _list),
    Name("F7T_AUTH_TOKEN_AUD", "auth.audience", empty_counts=True),
    Name("F7T_AUTH_REQUIRED_SCOPE", "auth.required_scope", empty_counts=True),
    Name("F7T_AUTH_ROLE", "auth.service_account_role", empty_counts=True),
    Name(
        "F7T_CA_KEY_PATH",
        "ssh.ca_key",
        "gives way to ssh.certificator_url",
        unless="ssh.certificator_url",
    ),
    Name("F7T_UTILITIES_TIMEOUT", "utilities.timeout"),
    Name("F7T_UTILITIES_MAX_FILE_SIZE", "utilities.max_file_size_mb"),
    Name("F7T_TAIL_BYTES", "compute.tail_bytes"),
    Name("F7T_COMPUTE_TASK_EXP_TIME", "compute.task_lifetime"),
    Name("F7T_S3_PUBLIC_URL", "storage.public_url"),
    Name("F7T_S3_PRIVATE_URL", "storage.private_url"),
    Name("F7T_S3_ACCESS_KEY", "storage.access_key"),
    Name("F7T_S3_SECRET_KEY", "storage.secret_key"),
    Name("F7T_S3_REGION", "storage.region"),
    Name("F7T_STORAGE_TEMPURL_EXP_TIME", "storage.tempurl_lifetime"),
    Name("F7T_STORAGE_MAX_FILE_SIZE", "storage.max_file_size_mb"),
    Name(
        "F7T_STORAGE_POLLING_INTERVAL",
        "storage.arrival_interval",
        "upstream's 60 s make uploads slow; our default serves them at once",
    ),
    Name("F7T_STORAGE_TASK_EXP_TIME", "storage.task_lifetime"),
    Name("F7T_PERSIST_HOST", "tasks.redis_url", "host of `redis://host:port/0`"),
    Name("F7T_PERSIST_PORT", "tasks.redis_url", "port of `redis://host:port/0`"),
    Name("F7T_PERSIST_PWD", "tasks.redis_password"),
    Name("F7T_STATUS_SERVICES", "services", "list", read=_list),
    Name(
        "F7T_GENERAL_INFORMATION",
        "firecrest_version",
        "JSON with FIRECREST_VERSION; the build is always our own",
        read=_version,
    ),
    Name("F7T_DEBUG_MODE", "log_level", "true is `debug`", read=_level),
    Name("F7T_OPA_ENABLED", why="refused if true: deny users with denied_users", read=_off),
    Name("F7T_OBJECT_STORAGE", why="refused unless `s3v4`", read=_only("s3v4")),
    Name("F7T_COMPUTE_SCHEDULER", why="refused unless `Slurm`", read=_only("Slurm")),
    Name("F7T_AUTH_HEADER_NAME", why="refused unless `Authorization`", read=_only("Authorization")),
    *_unused("there is no client for OPA", "F7T_OPA_URL", "F7T_OPA_POLICY_PATH"),
    *_unused(
        "one address of a system serves everything",
        *(f"F7T_SYSTEMS_INTERNAL_{service}_ADDR" for service in ("COMPUTE", "STATUS")),
        *(f"F7T_SYSTEMS_INTERNAL_{service}_ADDR" for service in ("STORAGE", "UTILITIES")),
    ),
    *_unused(
        "one process is all services; see `--host`, `--port`, `ssh.certificator_url`",
        *(f"F7T_{one}_{what}" for one in _SERVICES for what in ("HOST", "PORT", "URL")),
    ),
    *_unused(
        "no TLS between parts of one process; in front of it a proxy does that",
        "F7T_SSL_*",
        "F7T_USE_SSL",
    ),
    *_unused("see `--workers`", "F7T_GUNICORN_*"),
    *_unused("JSON lines on standard error", "F7T_LOG_TYPE", "F7T_LOG_PATH", "F7T_LOG_KIBANA"),
    *_unused("no tracing; answers carry `X-Request-Id`", "F7T_JAEGER_AGENT"),
    *_unused("no certificate is ever stored", "F7T_CERT_CIPHER_KEY"),
    *_unused("each process makes its own pair", "F7T_PUB_USER_KEY_PATH", "F7T_PRIV_USER_KEY_PATH"),
    *_unused("commands are sent as they are", "F7T_SSH_CERTIFICATE_WRAPPER_ENABLED"),
    *_unused("a missing home directory is tolerated", "F7T_HOME_ENABLED"),
    *_unused("the store has no tenants", "F7T_S3_TENANT"),
    *_unused("the store is S3", "F7T_SWIFT_*"),
    Name("F7T_SPANK_PLUGIN_ENABLED", "compute.spank_plugin_option", "off: no option"),
    Name("F7T_SPANK_PLUGIN_OPTION", "compute.spank_plugin_option", "counts where it is enabled"),
    Name("F7T_STORAGE_JOBS_MACHINE", "storage.internal.machine", "one for all", read=_same),
    Name("F7T_XFER_PARTITION", "storage.internal.partition"),
    Name("F7T_XFER_CONSTRAINT", "storage.internal.constraint"),
    Name("F7T_USE_SCHED_PROJECT", "storage.internal.use_sched_project"),
    Name("F7T_RESERVATION_CMD", "reservations.command"),
    Name("F7T_RESERVATIONS_TIMEOUT", "reservations.timeout"),
)
