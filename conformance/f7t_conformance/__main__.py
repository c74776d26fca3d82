"""`python -m f7t_conformance`, and the console script `f7t-conformance`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; without the packages of the extra, say how to get them."""
    try:
        from f7t_conformance.cli import conformance
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: there is no package {error.name!r}; "
            "pip install 'firecrest-testbuild[conformance]'"
        )
    conformance(prog_name="f7t-conformance")


if __name__ == "__main__":
    main()
