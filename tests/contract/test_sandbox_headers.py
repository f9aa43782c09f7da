"""Names of headers as the vendors write them: some clients read them letter by letter."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from salesforce_org import ACME, ADA, Org


def _names(org: Org, path: str) -> list[str]:
    connection = http.client.HTTPConnection(urlsplit(org.sandbox.salesforce_url).netloc, timeout=20)
    session = {"Authorization": f"Bearer {org.connection['access_token']}"}
    connection.request("GET", path, headers=session)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return [name for name, _ in answer.getheaders()]


def test_names_are_spelled_as_the_vendors_do(org: Org) -> None:
    names = _names(org, "/services/data/v68.0/limits")
    assert {"Content-Type", "Content-Length", "Date", "Sforce-Limit-Info"} <= set(names)
    assert "Transfer-Encoding" not in names


def test_versions_have_the_names_of_their_releases(org: Org) -> None:
    labels = {v["version"]: v["label"] for v in org.get("/services/data")}
    assert labels["31.0"] == "Summer '14"
    assert labels["53.0"] == "Winter '22"
    assert labels["58.0"] == "Summer '23"
    assert labels["68.0"] == "Winter '27"


def test_addresses_are_https_behind_what_ends_tls(org: Org) -> None:
    ends = {"X-Forwarded-Proto": "https"}
    told = org.call("GET", "/services/oauth2/userinfo", headers=ends).json()
    assert told["sub"].startswith("https://127.0.0.1:")
    assert org.get("/services/oauth2/userinfo")["sub"].startswith("http://127.0.0.1:")
    discovery = org.sandbox.connection["quickbooks"]["discovery_url"]
    found = org.http.get(discovery, headers=ends, timeout=20).json()
    assert found["token_endpoint"].startswith("https://127.0.0.1:")


def test_what_a_caller_has_already_is_not_sent_again(org: Org) -> None:
    account, contact = f"sobjects/Account/{ACME}", f"sobjects/Contact/{ADA}"
    first = org.call("GET", account)
    tag, changed = first.headers["ETag"], first.headers["Last-Modified"]
    same = org.call("GET", account, headers={"If-None-Match": f'"other--gzip", {tag}'})
    assert (same.status_code, same.content) == (304, b"")
    assert org.call("GET", account, headers={"If-Modified-Since": changed}).status_code == 304
    assert org.call("GET", account, headers={"If-Match": '"other"'}).status_code == 412
    since = {"If-Unmodified-Since": "Mon, 01 Jan 2018 00:00:00 GMT"}
    assert org.call("GET", contact, headers=since).status_code == 412
    assert "ETag" not in org.call("GET", contact).headers
    org.call("PATCH", account, json={"Phone": "1"})
    assert org.call("GET", account, headers={"If-None-Match": tag}).status_code == 200
