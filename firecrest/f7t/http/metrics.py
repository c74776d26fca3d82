"""What Prometheus sees. All workers write into one directory, any worker can answer for all."""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_requests = Counter(
    "f7t_http_requests_total", "Requests answered", ["method", "operation", "status"]
)
_seconds = Histogram(
    "f7t_http_request_seconds",
    "Time from request to answer, seconds",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_connections = Gauge(
    "f7t_ssh_connections", "SSH connections by state", ["state"], multiprocess_mode="livesum"
)
_logins = Gauge("f7t_ssh_logins", "SSH logins so far", ["outcome"], multiprocess_mode="livesum")
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"})


def observe_request(method: str, operation: str, status: int, seconds: float) -> None:
    """Count one answered request; unusual methods share one label."""
    requests, times = _counted(method if method in _METHODS else "other", operation, status)
    requests.inc()
    times.observe(seconds)


@lru_cache(1024)
def _counted(method: str, operation: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(method, operation, str(status)), _seconds.labels(operation)


def observe_ssh(*, connections: int, in_use: int, handshakes: int, failures: int) -> None:
    """Figures of this process's connection pool."""
    _connections.labels("open").set(connections)
    _connections.labels("in use").set(in_use)
    _logins.labels("tried").set(handshakes)
    _logins.labels("failed").set(failures)


def exposition() -> tuple[bytes, str]:
    """All metrics of all workers in Prometheus' text format, and its content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_worker(pid: int) -> None:
    """Leave a worker that has ended out of the figures of the moment; its counts stay."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
