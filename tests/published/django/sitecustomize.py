"""Loaded by Python itself before the suite: the vendor's https addresses lead to the sandbox."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

_send = HTTPAdapter.send


def redirected(
    self: HTTPAdapter, request: requests.PreparedRequest, **given: Any
) -> requests.Response:
    """The call that was meant, told apart from a plain one as whatever ends TLS does it."""
    asked, base = urlsplit(str(request.url)), urlsplit(os.environ["SUITE_BASE_URL"])
    request.url = urlunsplit((base.scheme, base.netloc, asked.path, asked.query, ""))
    request.headers["X-Forwarded-Proto"] = "https"
    return _send(self, request, **given)


HTTPAdapter.send = redirected  # type: ignore[method-assign]
