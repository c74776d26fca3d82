"""Latencies counted in logarithmic buckets: small however long a run is, and mergeable."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from f7t_loadtest.model import Bucket, Latency

_LEAST = 1e-5
_FINE = 32
_SHOWN = 4


class Latencies:
    """A set of latencies in seconds, each known to about one percent (1/32 of an octave).

    Count, mean, least and greatest are exact.
    """

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0
        self._sum = 0.0
        self._minimum = math.inf
        self._maximum = 0.0
        for value in values:
            self.add(value)

    def add(self, seconds: float) -> None:
        """Count one; a negative one (clocks) counts as zero."""
        seconds = max(seconds, 0.0)
        self._counts[_index(seconds)] += 1
        self.count += 1
        self._sum += seconds
        self._minimum = min(self._minimum, seconds)
        self._maximum = max(self._maximum, seconds)

    def merge(self, other: Latencies) -> None:
        """Count all of the other set too."""
        self._counts.update(other._counts)
        self.count += other.count
        self._sum += other._sum
        self._minimum = min(self._minimum, other._minimum)
        self._maximum = max(self._maximum, other._maximum)

    @property
    def mean(self) -> float:
        """Zero if there is none."""
        return self._sum / self.count if self.count else 0.0

    def quantile(self, share: float) -> float | None:
        """The least latency that at least `share` (0 to 1) of all do not exceed; None if empty."""
        if not self.count:
            return None
        wanted = max(1, math.ceil(share * self.count - 1e-9))
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= wanted:
                middle = _LEAST * 2 ** ((index - 0.5) / _FINE) if index else 0.0
                return min(max(middle, self._minimum), self._maximum)
        raise AssertionError("unreachable: the counts add up to count")

    def summary(self) -> Latency | None:
        """The quantiles that are recorded; None if nothing was measured."""
        if not self.count:
            return None
        return Latency(
            count=self.count,
            mean=round(self.mean, 6),
            p50=self._rounded(0.5),
            p90=self._rounded(0.9),
            p95=self._rounded(0.95),
            p99=self._rounded(0.99),
            maximum=round(self._maximum, 6),
        )

    def _rounded(self, share: float) -> float:
        return round(self.quantile(share) or 0.0, 6)

    def buckets(self) -> list[Bucket]:
        """Histogram with four buckets an octave, empty ones left out, in ascending order."""
        shown: Counter[int] = Counter()
        for index, count in self._counts.items():
            shown[-(-index * _SHOWN // _FINE)] += count
        return [
            Bucket(upper=round(_LEAST * 2 ** (index / _SHOWN), 9), count=shown[index])
            for index in sorted(shown)
        ]


def _index(seconds: float) -> int:
    """Number of the bucket; its upper bound is `_LEAST * 2 ** (index / _FINE)`."""
    if seconds <= _LEAST:
        return 0
    return math.ceil(math.log2(seconds / _LEAST) * _FINE - 1e-9)
