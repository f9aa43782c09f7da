"""What can go wrong with the sandbox itself (never what a vendor answers)."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot start or go on; the text says what to do next."""


class PortTaken(SandboxError):
    """Another program listens on the port."""


class SeedUnreadable(SandboxError):
    """The seed folder is missing, or one of its files is not what it should be."""


class LogUnusable(SandboxError):
    """The sandbox's own log cannot be read or written."""


class LogOfAnotherSeed(LogUnusable):
    """It was begun with other records, or by another version."""


class LogInUse(LogUnusable):
    """Another running sandbox writes this log."""
