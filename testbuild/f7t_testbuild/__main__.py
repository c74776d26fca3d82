"""`python -m f7t_testbuild`: the command `f7t`, of this very interpreter."""

from f7t_testbuild.cli import main

main(prog_name="f7t")
