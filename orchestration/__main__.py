"""`python -m orchestration`: the same doors as the command `crossfoot`."""

from orchestration.cli import main

main()
