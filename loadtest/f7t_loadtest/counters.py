"""The gateway's own counters of SSH, where its metrics can be read."""

from __future__ import annotations

import requests

CONNECTS = "f7t_ssh_connects_total"
CHANNELS = "f7t_ssh_channels_total"
_LIMIT = 5


class NoCounters(Exception):
    """The metrics cannot be read, or lack the counters; the message says why."""


def read(urls: str) -> tuple[int, int]:
    """Connections and channels that the gateway has opened since its start.

    Args:
        urls: of its metrics, or of those of several gateways, separated by blanks.

    Raises:
        NoCounters: no answer, or one without the counters, from any of them.
    """
    counts = [_read(url) for url in urls.split()]
    return sum(connects for connects, _ in counts), sum(channels for _, channels in counts)


def _read(url: str) -> tuple[int, int]:
    try:
        answer = requests.get(url, timeout=_LIMIT)
    except requests.RequestException as error:
        raise NoCounters(f"{url} does not answer: {type(error).__name__}") from error
    if answer.status_code != 200:
        raise NoCounters(f"{url} answered {answer.status_code}")
    return _sum(answer.text, CONNECTS), _sum(answer.text, CHANNELS)


def _sum(text: str, name: str) -> int:
    """All samples of one counter in Prometheus' text format, whatever their labels."""
    samples = [
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
    ]
    if not samples:
        raise NoCounters(f"the gateway's metrics have no {name}")
    return int(sum(samples))
