"""The page of consent on which a person with several companies chooses the one to connect.

A token opens one company, which the answer names by its realm id (Intuit, "Set up OAuth 2.0"), so
the person says which on the vendor's page. Ours is a list of links, each of which asks the same
question for one company.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from pipelines.sandbox.kernel import Reply, Request


def choosing(request: Request, companies: Mapping[str, str]) -> Reply | None:
    """The list of companies (realm id: name) for a browser that has not said which one; None where
    there is nothing to choose, or no person who could."""
    is_person = "text/html" in request.headers.get("accept", "")
    if not is_person or len(companies) < 2 or request.query.get("realmId"):
        return None
    links = "".join(
        f'<li><a href="?{escape(urlencode({**request.query, "realmId": realm}))}">'
        f"{escape(name)}</a> ({escape(realm)})</li>"
        for realm, name in companies.items()
    )
    page = (
        "<!doctype html><meta charset=utf-8><title>Sandbox of QuickBooks</title>"
        f"<h1>Which company shall be connected?</h1><ul>{links}</ul>"
    )
    return Reply(200, page.encode(), {"Content-Type": "text/html;charset=UTF-8"})
