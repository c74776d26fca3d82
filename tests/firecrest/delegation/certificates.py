"""What ssh-keygen, an independent reader, says of a certificate."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import asyncssh


def described(certificate: asyncssh.SSHCertificate, directory: Path) -> list[str]:
    """`ssh-keygen -L`, as stripped lines."""
    file = directory / "cert.pub"
    certificate.write_certificate(file)
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", str(file)],
        check=True,
        capture_output=True,
        text=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )
    return [line.strip() for line in shown.stdout.splitlines()]


def validity(lines: list[str]) -> tuple[datetime, datetime]:
    """From when and until when."""
    words = next(line for line in lines if line.startswith("Valid:")).split()
    start, end = (datetime.fromisoformat(words[i]).replace(tzinfo=UTC) for i in (2, 4))
    return start, end


def serial(lines: list[str]) -> int:
    """The number that the log names."""
    return int(next(line for line in lines if line.startswith("Serial:")).split()[1])
