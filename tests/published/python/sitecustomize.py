"""Loaded by Python itself before a tap: its vendor's login address leads to the sandbox."""

from __future__ import annotations

import os
from typing import Any

import requests

HOST = "https://login.salesforce.com"
_send = requests.Session.request


def redirected(self: requests.Session, method: str, url: str, **given: Any) -> requests.Response:
    """The call that was meant, at the sandbox's address."""
    return _send(self, method, url.replace(HOST, os.environ["SUITE_LOGIN_URL"], 1), **given)


requests.Session.request = redirected  # type: ignore[method-assign]
