"""Tokens on disk are sealed: encrypted and signed (Fernet), with a key that lies elsewhere.

The key is CROSSFOOT_SECRETS_KEY, for servers; or it lies in the keyring of the operating system, or
in a private file in the user's configuration folder, and is made when it is first needed. A copy of
the data folder alone opens no connection.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from pipelines.errors import ConfigurationError, DiskFull, StateCorrupt
from pipelines.folders import make_private
from pipelines.settings import Secret, Settings

# The name under which the operating system's keyring has our keys, one for each profile.
RING = "crossfoot"


class Seal(Protocol):
    """Makes a text unreadable for others, and readable again."""

    def close(self, text: str) -> str: ...

    def open(self, text: str) -> str: ...


class NoSeal:
    """Leaves a text as it is: what a sandbox hands out is no secret."""

    def close(self, text: str) -> str:
        """The text."""
        return text

    def open(self, text: str) -> str:
        """The text."""
        return text


class KeySeal:
    """Fernet with one key. A text of an earlier version, never sealed, is read as it is."""

    def __init__(self, key: Secret) -> None:
        from cryptography.fernet import Fernet

        try:
            self._fernet = Fernet(key.reveal().encode())
        except ValueError:
            raise ConfigurationError(
                "settings", "CROSSFOOT_SECRETS_KEY",
                "it wants 32 bytes as URL-safe base64; what it holds is not shown",
                "Make one with `crossfoot connect key`.",
            ) from None  # fmt: skip

    def close(self, text: str) -> str:
        """The text, encrypted and signed."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, text: str) -> str:
        """What was sealed. Raises ValueError when it was sealed with another key, or altered."""
        from cryptography.fernet import InvalidToken

        if text.lstrip().startswith("{"):
            return text
        try:
            return self._fernet.decrypt(text.strip().encode()).decode()
        except InvalidToken:
            raise ValueError("sealed with another key, or altered") from None


def seal_of(settings: Settings) -> Seal:
    """The seal of this installation. Raises `ConfigurationError` for a key that is none."""
    if settings.profile == "sandbox":
        return NoSeal()
    if settings.secrets_key:
        return KeySeal(settings.secrets_key)
    if settings.secrets_keyring:
        return KeySeal(_ring_key(settings.profile))
    return KeySeal(_kept_key(settings.secrets_key_file))


def new_key() -> Secret:
    """A fresh key."""
    from cryptography.fernet import Fernet

    return Secret(Fernet.generate_key().decode())


def _ring_key(profile: str) -> Secret:
    """The key that the operating system keeps for this user, made when it is first needed.

    Raises `ConfigurationError` where there is no keyring, or it is locked.
    """
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigurationError(
            "settings", "CROSSFOOT_SECRETS_KEYRING", "the package keyring is not installed",
            "Install Crossfoot with its extra `keyring`, or unset this: a file keeps the key then.",
        ) from None  # fmt: skip
    try:
        if not keyring.get_password(RING, profile):
            keyring.set_password(RING, profile, new_key().reveal())
        # Asked again: where two processes came first at once, both seal with what stands there.
        return Secret(keyring.get_password(RING, profile) or "")
    except KeyringError as problem:
        raise ConfigurationError(
            "settings", "CROSSFOOT_SECRETS_KEYRING",
            f"the keyring of this machine cannot be used ({type(problem).__name__})",
            "Unlock it, or unset this: a private file keeps the key then.",
        ) from None  # fmt: skip


def _kept_key(path: Path) -> Secret:
    try:
        return _made_key(path) if not path.exists() else Secret(path.read_text().strip())
    except UnicodeDecodeError:
        raise StateCorrupt(
            "settings", str(path), "it is no key",
            "Put the right file there, or remove it and connect both systems again.",
        ) from None  # fmt: skip
    except OSError as problem:
        raise DiskFull(
            "settings", str(path), f"the key of the tokens cannot be kept ({problem.strerror})",
            "Let this user write there, or set CROSSFOOT_SECRETS_KEY.",
        ) from None  # fmt: skip


def _made_key(path: Path) -> Secret:
    """The first of several processes makes it; the others read what it made."""
    make_private(path.parent)
    key = new_key()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return Secret(path.read_text().strip())
    with os.fdopen(descriptor, "w") as file:
        file.write(key.reveal())
        file.flush()
        os.fsync(file.fileno())
    return key
