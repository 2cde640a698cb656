"""`python -m daemon.cli` is `wavstream`: how a program starts another one, whatever its PATH is."""

from daemon.cli.main import main

main()
