"""The connected app's key pair, and the assertions (JWT) that are signed with its private half.

Source: OAuth help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

Claims = Mapping[str, Any]
_LOGIN_HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil", ".sfcrmproducts.cn")


class AssertionRefused(Exception):
    """What is wrong with an assertion, in the vendor's words."""


@cache
def new_key() -> str:
    """A private key in PEM, the same for all orgs of this process: making one takes a while."""
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def claims_of(assertion: str, pem: str, host: str) -> Claims:
    """What an assertion claims, once its signature, audience and expiry have been checked.

    Expiry is judged by this machine's clock, which is the caller's too, and not by the sandbox's,
    which may stand at any day. An expiry far away is accepted: `sf` writes milliseconds there, and
    the vendor takes it.

    Raises:
        AssertionRefused: it is malformed, not signed with the app's key, for someone else, or old.
    """
    head, claims, signed, signature = _parts(assertion)
    if head.get("alg") != "RS256":
        raise AssertionRefused("algorithm in header is not supported")
    try:
        _private(pem).public_key().verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise AssertionRefused("invalid assertion") from None
    if not _is_audience(claims.get("aud"), host):
        raise AssertionRefused("audience is invalid")
    if _expiry(claims) <= datetime.now(UTC).timestamp():
        raise AssertionRefused("expired authorization code")
    return claims


def _private(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _parts(assertion: str) -> tuple[Claims, Claims, bytes, bytes]:
    try:
        head, claims, signature = assertion.split(".")
        found = json.loads(_decoded(head)), json.loads(_decoded(claims))
        sealed = _decoded(signature)
    except (ValueError, binascii.Error):
        raise AssertionRefused("invalid assertion") from None
    if not all(isinstance(part, dict) for part in found):
        raise AssertionRefused("invalid assertion")
    return *found, f"{head}.{claims}".encode(), sealed


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _expiry(claims: Claims) -> float:
    """`exp`, as a number or as its text."""
    try:
        return float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        raise AssertionRefused("invalid assertion") from None


def _is_audience(audience: Any, host: str) -> bool:
    """A log-in host of the vendor's, the org's own (which is where we are reached), or its site."""
    named = audience if isinstance(audience, list) else [audience]
    for one in named:
        netloc = urlsplit(str(one)).netloc.lower()
        bare = netloc.rpartition(":")[0] or netloc
        if netloc and (netloc == host.lower() or bare.endswith(_LOGIN_HOSTS)):
            return True
        if bare in ("localhost", "127.0.0.1"):
            return True
    return False
