"""OpenID Connect: who the user is, as a token signed with RS256, and the key to check it with.

The key is the sandbox's own and known to everyone who reads this: it proves nothing to anyone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from pipelines.sandbox import codec

KEY_ID = "OPENID-SIGNER-SANDBOX"
PERSON: Mapping[str, Any] = {
    "sub": "d8752092-0f2e-4b6c-8c36-6ed172ef2f75",
    "email": "admin@example.com",
    "emailVerified": True,
    "givenName": "Jane",
    "familyName": "Doe",
    "phoneNumber": "+1 6505550000",
    "phoneNumberVerified": False,
}
E = 65537
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
N = int(
    """
    b46a25decd3070d4991008b9de65cbebf3f3b932907bee980066ba953170a64bb31cc2ce2020c7baa52b0703
    89b167014df6927b6553615310c3e0eed272d7f3a780a75525abec672c18db927bfd6dbc69c304b6340d9c86
    275b1fc61e4affd341a6988ce8707b0e578d3240a5e138da1d55bf3d9822c8952856a4b8e4b05f74ce91b653
    f5dec41af1413c9d42aca2fc6bad74174cf3ebc74fc1927c8c640df7f1adf74496445e93e4e36d33d644ac5e
    3906476b4c1e1a20f4aaa9eb8091363210f4f7d60a4ac64ff3026485b050fe186ab644837008e2ed47e0a2fe
    b1a68bbe44d6f6789db8fd99136a3839f0a802a0662070e1e4a0ed2993eb412132c6bbb1
    """.replace("\n", "").replace(" ", ""),
    16,
)
D = int(
    """
    67ac47aecc827593f590fd32b1d61564b57eec815dfd9991c7494116d29e453162efb811f2ec6359a1e823d3
    a8a044ecbefc5e188295736be44a6b4b51aba4e4e2f04f37e2b9f4d324c7f4052d32e88848ce443adf96a2c7
    847e1cb8205840c2090bcec5ca1c38da78fd2e4f700308446e6f03c2455657a53ed4eb3b444f05ca84cd5412
    4df924f13be8c6bb3ca2e0addf1740cc849a4823cd6f3410962b7aca317a033b8099b1f24be45f4871b6d75f
    8d11e9ea3c842c75c829a8a69e7ac8b5dfb1baefc9bee92df10d451ad8746673af62cad4dc0a6c22f9ed84b2
    1a0fa000aae7b1ba8a6a5d893dd24e38c201fb1d556b97544748e031f2cff4ac8856871
    """.replace("\n", "").replace(" ", ""),
    16,
)


def keys() -> dict[str, Any]:
    """The JWK set."""
    key = {"kty": "RSA", "e": _number(E), "use": "sig", "kid": KEY_ID, "alg": "RS256"}
    return {"keys": [{**key, "n": _number(N)}]}


def id_token(issuer: str, client_id: str, realm: str, now: int, seconds: int) -> str:
    """A signed token that names the user and the company."""
    claims = {
        "sub": PERSON["sub"],
        "aud": [client_id],
        "realmid": realm,
        "auth_time": now,
        "iss": issuer,
        "exp": now + seconds,
        "iat": now,
    }
    head = _part(codec.dump_bytes({"kid": KEY_ID, "alg": "RS256"}))
    said = f"{head}.{_part(codec.dump_bytes(claims))}"
    return f"{said}.{_part(_signed(said.encode()))}"


def _signed(message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017)."""
    size = (N.bit_length() + 7) // 8
    digest = SHA256 + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded), D, N).to_bytes(size)


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _part(value.to_bytes((value.bit_length() + 7) // 8))
