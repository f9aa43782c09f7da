"""Links lead to the configured systems and nowhere else."""

from __future__ import annotations

import pytest

from pipelines.errors import ConfigurationError
from pipelines.settings import load_settings
from reverse_etl.report import NO_LINKS, Links, links_for

DEAL, REALM = "006Hs00000ABCDEIA4", "9341450000000001"
LIVE = Links("https://acme.my.salesforce.com", "https://app.qbo.intuit.com")
SANDBOX = Links("http://127.0.0.1:8001", "http://127.0.0.1:8002", form="api", api_version="68.0")


def test_live_links_are_the_vendors_pages() -> None:
    assert LIVE.deal(DEAL) == f"https://acme.my.salesforce.com/lightning/r/Opportunity/{DEAL}/view"
    assert LIVE.document(REALM, "invoice", "12") == (
        "https://app.qbo.intuit.com/app/invoice?txnId=12"
    )
    assert LIVE.document(REALM, "credit_memo", "12") == (
        "https://app.qbo.intuit.com/app/creditmemo?txnId=12"
    )
    assert LIVE.customer(REALM, "7") == "https://app.qbo.intuit.com/app/customerdetail?nameId=7"


def test_sandbox_links_are_its_records() -> None:
    assert SANDBOX.deal(DEAL) == (
        f"http://127.0.0.1:8001/services/data/v68.0/sobjects/Opportunity/{DEAL}"
    )
    assert SANDBOX.document(REALM, "invoice", "12") == (
        f"http://127.0.0.1:8002/v3/company/{REALM}/invoice/12"
    )


@pytest.mark.parametrize(
    "record_id", [None, "", "javascript:alert(1)", "006/../x", '006"onclick=', "12?x=1", "../12"]
)
@pytest.mark.parametrize("links", [LIVE, SANDBOX])
def test_only_plain_ids_become_part_of_an_address(links: Links, record_id: str | None) -> None:
    assert links.deal(record_id) is None
    assert links.account(record_id) is None
    assert links.document(REALM, "invoice", record_id) is None
    assert links.customer(record_id, "7") is None


def test_an_unknown_kind_of_document_has_no_link() -> None:
    assert LIVE.document(REALM, "journal_entry", "12") is None
    assert LIVE.document(REALM, None, "12") is None


def test_without_addresses_there_are_no_links() -> None:
    assert NO_LINKS.deal(DEAL) is NO_LINKS.document(REALM, "invoice", "12") is None


@pytest.mark.parametrize(
    ("salesforce", "quickbooks", "form"),
    [
        ("https://evil.example", "", "app"),
        ("javascript:alert(1)//.salesforce.com", "", "app"),
        ("http://acme.my.salesforce.com", "", "app"),
        ("https://salesforce.com.evil.example", "", "app"),
        ("", "https://evil.example/.intuit.com", "app"),
        ("http://10.0.0.1:80", "", "api"),
        ("", "javascript:alert(1)", "api"),
    ],
)
def test_another_host_is_refused(salesforce: str, quickbooks: str, form: str) -> None:
    with pytest.raises(ConfigurationError, match="only lead to the configured systems"):
        Links(salesforce, quickbooks, form="api" if form == "api" else "app")


def test_links_follow_the_profile() -> None:
    live = load_settings(
        {
            "CROSSFOOT_PROFILE": "live",
            "CROSSFOOT_SALESFORCE_ORG_ID": "00DHs0000000001MAA",
            "CROSSFOOT_SALESFORCE_DOMAIN": "acme.my",
            "CROSSFOOT_SALESFORCE_ACCESS_TOKEN": "t",
        }
    )
    assert links_for(live) == LIVE
    assert links_for(load_settings({"CROSSFOOT_PROFILE": "live"})).salesforce_base == ""
    gone = load_settings({"CROSSFOOT_SANDBOX_CONNECTION": "/nowhere/connection.json"})
    assert links_for(gone) == NO_LINKS
