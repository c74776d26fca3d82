"""Entry of `make bench`; see `tests/bench/benchmark.py`."""

from __future__ import annotations

import sys
from pathlib import Path


def _main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.bench.benchmark import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
