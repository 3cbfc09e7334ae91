"""Run the command line by ``python -m skdal.cli``."""

from skdal.cli import main

main()
