"""Who a token speaks for: `/id/ORG/USER` and `/services/oauth2/userinfo`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.store import Record

_SERVICES: Mapping[str, str] = {
    "enterprise": "/services/Soap/c/{version}/ORG",
    "metadata": "/services/Soap/m/{version}/ORG",
    "partner": "/services/Soap/u/{version}/ORG",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_soap": "/services/Soap/T/{version}/ORG",
    "tooling_rest": "/services/data/v{version}/tooling/",
    "profile": "/USER",
    "feeds": "/services/data/v{version}/chatter/feeds",
    "groups": "/services/data/v{version}/chatter/groups",
    "users": "/services/data/v{version}/chatter/users",
    "feed_items": "/services/data/v{version}/chatter/feed-items",
    "feed_elements": "/services/data/v{version}/chatter/feed-elements",
    "custom_domain": "",
}


def _urls(base: str, org_id: str, user_id: str) -> dict[str, str]:
    return {
        name: base + path.replace("ORG", org_id[:15]).replace("USER", user_id)
        for name, path in _SERVICES.items()
    }


def _photos(base: str) -> dict[str, str]:
    return {
        "picture": f"{base}/profilephoto/005/F",
        "thumbnail": f"{base}/profilephoto/005/T",
    }


def identity(user: Record, base: str, org_id: str, version: str = "") -> dict[str, Any]:
    """GET /id/ORG/USER; with `?version=`, the addresses name that one."""
    urls = _urls(base, org_id, user["Id"])
    if version:
        urls = {name: url.replace("{version}", version) for name, url in urls.items()}
    return {
        "id": f"{base}/id/{org_id}/{user['Id']}",
        "asserted_user": True,
        "user_id": user["Id"],
        "organization_id": org_id,
        "username": user.get("Username"),
        "nick_name": user.get("CommunityNickname") or user.get("Alias"),
        "display_name": user.get("Name"),
        "email": user.get("Email"),
        "email_verified": True,
        "first_name": user.get("FirstName"),
        "last_name": user.get("LastName"),
        "timezone": user.get("TimeZoneSidKey"),
        "photos": _photos(base),
        "addr_street": user.get("Street"),
        "addr_city": user.get("City"),
        "addr_state": user.get("State"),
        "addr_country": user.get("Country"),
        "addr_zip": user.get("PostalCode"),
        "mobile_phone": user.get("MobilePhone"),
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": urls,
        "active": user.get("IsActive") is not False,
        "user_type": "STANDARD",
        "language": user.get("LanguageLocaleKey") or "en_US",
        "locale": user.get("LocaleSidKey") or "en_US",
        "utcOffset": 0,
        "last_modified_date": user.get("SystemModstamp"),
        "is_app_installed": True,
    }


def userinfo(user: Record, base: str, org_id: str) -> dict[str, Any]:
    """GET /services/oauth2/userinfo, in OpenID Connect's words."""
    return {
        "sub": f"{base}/id/{org_id}/{user['Id']}",
        "user_id": user["Id"],
        "organization_id": org_id,
        "preferred_username": user.get("Username"),
        "nickname": user.get("CommunityNickname") or user.get("Alias"),
        "name": user.get("Name"),
        "email": user.get("Email"),
        "email_verified": True,
        "given_name": user.get("FirstName"),
        "family_name": user.get("LastName"),
        "zoneinfo": user.get("TimeZoneSidKey"),
        "photos": _photos(base),
        "profile": f"{base}/{user['Id']}",
        "picture": f"{base}/profilephoto/005/F",
        "address": {
            key: user.get(name)
            for key, name in (
                ("street_address", "Street"), ("locality", "City"), ("region", "State"),
                ("postal_code", "PostalCode"), ("country", "Country"),
            )
            if user.get(name)
        },
        "urls": _urls(base, org_id, user["Id"]),
        "active": user.get("IsActive") is not False,
        "user_type": "STANDARD",
        "language": user.get("LanguageLocaleKey") or "en_US",
        "locale": user.get("LocaleSidKey") or "en_US",
        "utcOffset": 0,
        "updated_at": user.get("SystemModstamp"),
    }  # fmt: skip
