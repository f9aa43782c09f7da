"""What settings are made of: secrets, typed access to the variables, and the hosts that may be
called."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that shows itself only on `reveal()`: never in a log, a repr or an f-string."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret('***')"

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True)
class Values:
    """Typed access to the variables; an empty one counts as absent."""

    env: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(name, "").strip() or default

    def secret(self, name: str) -> Secret:
        return Secret(self.text(name))

    def path(self, name: str, default: Path) -> Path:
        given = self.text(name)
        return Path(given).expanduser().absolute() if given else default

    def paths(self, name: str, default: Path) -> tuple[Path, ...]:
        """One path or several, by comma."""
        given = [part.strip() for part in self.text(name).split(",")]
        return tuple(Path(p).expanduser().absolute() for p in given if p) or (default,)

    def words(self, name: str) -> tuple[str, ...]:
        """Names by comma, each once."""
        given = [part.strip() for part in self.text(name).split(",")]
        return tuple(dict.fromkeys(part for part in given if part))

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        given = self.text(name, default)
        if given not in allowed:
            raise senseless(name, given, " or ".join(repr(a) for a in allowed))
        return given

    def number(self, name: str, default: int, least: int = 0, most: int | None = None) -> int:
        given = self.text(name, str(default))
        if not given.isdecimal() or int(given) < least or (most is not None and int(given) > most):
            to = "on" if most is None else f"to {most}"
            raise senseless(name, given, f"a whole number from {least} {to}, such as {default}")
        return int(given)

    def share(self, name: str, default: str) -> float:
        """A share between 0 and 1, such as 0.995."""
        given = self.text(name, default)
        if not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", given):
            raise senseless(name, given, f"a share from 0 to 1, such as {default}")
        return float(given)

    def day(self, name: str) -> date | None:
        given = self.text(name)
        try:
            return date.fromisoformat(given) if given else None
        except ValueError as problem:
            raise senseless(name, given, "a day such as 2026-10-01") from problem

    def amounts(self, name: str, default: str) -> dict[str, Decimal]:
        """`USD=5000000,EUR=2000000` as amounts per currency."""
        given = self.text(name, default)
        wanted = "amounts per currency, such as USD=5000000,EUR=2000000"
        amounts = {}
        for part in given.split(","):
            found = re.fullmatch(r"\s*([A-Z]{3})\s*=\s*(\d+(?:\.\d+)?)\s*", part)
            if not found:
                raise senseless(name, given, wanted)
            try:
                amounts[found[1]] = Decimal(found[2])
            except InvalidOperation as problem:
                raise senseless(name, given, wanted) from problem
        return amounts


def senseless(name: str, given: str, wanted: str) -> ConfigurationError:
    """The error for a value that the setting cannot have. Never given a secret."""
    return ConfigurationError(
        "settings", name, f"{given!r} makes no sense here; it wants {wanted}", "Correct the value."
    )


def require(values: Values, system: str, needed: Mapping[str, str]) -> None:
    """Raises one `ConfigurationError` naming each variable that is missing with its use."""
    missing = [f"{name} (for {use})" for name, use in needed.items() if not values.text(name)]
    if missing:
        raise ConfigurationError(
            system,
            "settings",
            f"missing {', '.join(missing)}",
            "Set them in the environment or in .env, or use CROSSFOOT_PROFILE=sandbox.",
        )


def is_loopback(host: str) -> bool:
    """Is the host name or address this machine's own?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def loopback(url: str) -> str:
    """The address unchanged if it is on this machine: the sandbox is nowhere else."""
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise ConfigurationError(
            "sandbox",
            url,
            "a sandbox is on this machine only",
            "Use a loopback address, or CROSSFOOT_PROFILE=live for the vendors.",
        )
    return url.rstrip("/") if "well-known" not in url else url


def is_vendor(url: str, hosts: tuple[str, ...]) -> bool:
    """Is it an https address, without user or odd port, on one of the vendor's own domains?"""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    plain = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    return plain and host.endswith(hosts)


def vendor(name: str, url: str, hosts: tuple[str, ...]) -> str:
    """The address unchanged if it is one of the vendor's. Raises `ConfigurationError` else."""
    if not is_vendor(url, hosts):
        raise senseless(name, url, f"an https address ending in {' or '.join(hosts)}")
    return url.rstrip("/") if "well-known" not in url else url
