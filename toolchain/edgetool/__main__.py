"""`python -m edgetool` is the same as `edgetool`."""

from edgetool.cli import main

main()
