"""Several users of one org: whose a write is, and whose the recent items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.salesforce_org import ACME, BOREAL, USER, Org, running_org, write_seed
from tests.contract.salesforce_users import as_user


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("users") / "seed")


@pytest.fixture(scope="module")
def org(seed: Path) -> Iterator[Org]:
    with running_org(seed) as running:
        yield running


def _audit(org: Org, record_id: str) -> tuple[str, str]:
    record = org.get(f"sobjects/Account/{record_id}")
    return record["CreatedById"], record["LastModifiedById"]


def test_a_write_is_the_session_users_and_so_is_all_that_follows(org: Org) -> None:
    user_id, client = as_user(org, "wanda")
    made = client.Account.create({"Name": "Wanda's"})["id"]
    assert _audit(org, made) == (user_id, user_id)
    org.client.Account.update(made, {"Phone": "1"})
    assert _audit(org, made) == (user_id, USER)
    deal = client.Opportunity.create(
        {"Name": "W", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
    )["id"]
    rows = org.rows(f"SELECT CreatedById FROM OpportunityHistory WHERE OpportunityId = '{deal}'")
    assert rows == [{"CreatedById": user_id}]
    assert org.get(f"sobjects/Opportunity/{deal}")["OwnerId"] == user_id


def test_rows_of_a_bulk_job_are_its_makers(org: Org) -> None:
    user_id, client = as_user(org, "bruno")
    job = client.restful(
        "jobs/ingest", method="POST", json={"operation": "insert", "object": "Account"}
    )
    path = f"jobs/ingest/{job['id']}"
    headers = {
        "Authorization": f"Bearer {client.session_id}",
        "Content-Type": "text/csv",
    }
    assert org.call("PUT", f"{path}/batches", data="Name\nBruno\n", headers=headers).ok
    # Another user closes it, and it is during his calls that it is worked on.
    assert org.call("PATCH", path, json={"state": "UploadComplete"}).ok
    assert org.get(path)["createdById"] == user_id
    (row,) = org.rows("SELECT CreatedById FROM Account WHERE Name = 'Bruno'")
    assert row["CreatedById"] == user_id


def test_recent_items_are_each_users_own(org: Org) -> None:
    _, client = as_user(org, "rosa")
    client.Account.get(BOREAL)
    org.client.Account.get(ACME)
    mine = [r["Id"] for r in client.restful("recent")]
    assert mine == [BOREAL]
    others = [r["Id"] for r in org.get("recent")]
    assert others.index(ACME) == 0 < others.index(BOREAL), "changed by the seed's user, not viewed"


def test_what_was_viewed_survives_a_restart(seed: Path, tmp_path: Path) -> None:
    log = tmp_path / "journal.log"
    with running_org(seed, log_file=log) as org:
        org.client.Account.get(BOREAL)
        org.client.Account.get(ACME)
        org.client.Account.get(BOREAL)
        before = org.get("recent")
    assert [r["Id"] for r in before][:2] == [BOREAL, ACME]
    with running_org(seed, log_file=log) as org:
        assert org.get("recent") == before
        org.client.Account.get(ACME)
        assert [r["Id"] for r in org.get("recent")][:2] == [ACME, BOREAL]
