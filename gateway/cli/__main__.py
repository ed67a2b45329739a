"""`python -m gateway.cli` is `stopgate`."""

from gateway.cli import main

main(prog_name="stopgate")
