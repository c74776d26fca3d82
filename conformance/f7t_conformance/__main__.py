"""`python -m f7t_conformance`."""

from f7t_conformance.cli import conformance

conformance(prog_name="f7t conformance")
