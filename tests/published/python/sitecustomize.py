"""Loaded by Python itself before a published client: its vendor's host leads to the sandbox.

Some clients build https addresses only; those of the sandbox's own host are asked by http.
"""

from __future__ import annotations

import os
from typing import Any

import requests

HOST = "https://login.salesforce.com"
_send = requests.Session.request


def redirected(self: requests.Session, method: str, url: str, **given: Any) -> requests.Response:
    """The call that was meant, at the sandbox's address."""
    here = os.environ["SUITE_LOGIN_URL"]
    for address in (HOST, here.replace("http:", "https:", 1)):
        url = url.replace(address, here, 1)
    return _send(self, method, url, **given)


requests.Session.request = redirected  # type: ignore[method-assign]
