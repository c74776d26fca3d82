"""`python -m f7t_loadtest`, and the console script `f7t-loadtest`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; without the packages of the extra, say how to get them."""
    try:
        from f7t_loadtest.cli import load
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: there is no package {error.name!r}; "
            "pip install 'firecrest-testbuild[loadtest]'"
        )
    load(prog_name="f7t-loadtest")


if __name__ == "__main__":
    main()
