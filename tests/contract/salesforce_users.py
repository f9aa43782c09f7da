"""A further user of an org, logged in by password, and simple-salesforce in his name."""

from __future__ import annotations

from simple_salesforce import Salesforce

from tests.contract.salesforce_org import Org


def as_user(org: Org, name: str, profile: str = "Standard User") -> tuple[str, Salesforce]:
    """A new user of a profile: his id, and a client with his session."""
    (row,) = org.rows(f"SELECT Id FROM Profile WHERE Name = '{profile}'")
    made = org.call(
        "POST",
        "sobjects/User",
        json={
            "Username": f"{name}@users.example",
            "LastName": name,
            "Alias": name[:8],
            "Email": f"{name}@users.example",
            "IsActive": True,
            "ProfileId": row["Id"],
            "TimeZoneSidKey": "GMT",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "LanguageLocaleKey": "en_US",
        },
    )
    assert made.status_code == 201, made.text
    user_id = str(made.json()["id"])
    password = f"secret-{name}"
    given = org.call("POST", f"sobjects/User/{user_id}/password", json={"NewPassword": password})
    assert given.status_code == 204, given.text
    known = org.connection
    answer = org.http.post(
        f"{org.sandbox.salesforce_url}/services/oauth2/token",
        data={
            "grant_type": "password",
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
            "username": f"{name}@users.example",
            "password": password,
        },
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    client = Salesforce(
        instance_url=org.sandbox.salesforce_url,
        session_id=answer.json()["access_token"],
        version=org.version,
        session=org.led_here(),
    )
    return user_id, client
