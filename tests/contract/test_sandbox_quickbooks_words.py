"""What QuickBooks says of bodies that are no object, in the words of its parser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from quickbooks_company import Company, quickbooks_sandbox

READER = "java.io.StringReader@5e2a4d1"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path_factory.mktemp("words")) as sandbox:
        yield Company(sandbox)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{bad", "Unexpected character ('b' (code 98)): was expecting double-quote to start field "
                 f"name\n at [Source: {READER}; line: 1, column: 3]"),
        ('{"DisplayName":"A"', f"Unexpected end-of-input\n at [Source: {READER}; "
                               "line: 1, column: 19]"),
        ("", f"No content to map to Object due to end of input\n at [Source: "
             f"{READER}; line: 1, column: 1]"),
        ("[]", "Can not construct instance of com.intuit.schema.finance.v3.Customer: no suitable "
               "constructor/factory method to deserialize from START_ARRAY token\n"),
    ],
)  # fmt: skip
def test_bodies_that_are_no_object(company: Company, body: str, words: str) -> None:
    answer = requests.post(
        f"{company.base}/v3/company/{company.realm}/customer",
        data=body,
        headers={**company.headers, "Content-Type": "application/json"},
        timeout=20,
    )
    assert answer.status_code == 400
    (error,) = answer.json()["Fault"]["Error"]
    assert error == {
        "Message": "Request has invalid or unsupported property",
        "Detail": f"Property Name:{words} specified is unsupported or invalid",
        "code": "2010",
    }
