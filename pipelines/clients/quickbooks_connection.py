"""How one QuickBooks Online company is reached: session, tokens, repeated reads, our errors.

python-quickbooks builds addresses and parses answers; session, tokens, bodies and errors are ours:
its session has no timeout and no refresh (quickbooks_api 6.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import requests

from pipelines.clients import quickbooks_answers as answers
from pipelines.clients import quickbooks_faults as faults
from pipelines.clients.oauth import QUICKBOOKS_SCOPE, App, granted
from pipelines.clients.quickbooks_contract import Difference, KindChanged
from pipelines.clients.quickbooks_faults import SYSTEM
from pipelines.clients.quickbooks_statements import kind_of
from pipelines.clients.recording import Kind, Recorder, unrecorded
from pipelines.clients.tokens import TokenFile, TokenKeeper
from pipelines.clients.transport import (
    READ_SECONDS,
    Governor,
    Patience,
    Reach,
    VendorSession,
    json_object,
)
from pipelines.errors import CredentialsRefused, Stop, Unavailable
from pipelines.settings import (
    QUICKBOOKS_HOSTS,
    CompanySettings,
    QuickBooksSettings,
    Secret,
    is_loopback,
)

T = TypeVar("T")

# Versions below 75 are ignored by the service since August 2025.
MINOR_VERSION = 75
BATCHES_A_MINUTE = 40


class QuickBooksConnection:
    """The calls of one company. Reads are repeated when that is safe, writes never are."""

    def __init__(
        self,
        settings: QuickBooksSettings,
        company: CompanySettings,
        token_file: TokenFile,
        read_seconds: float = READ_SECONDS,
        patience: Patience | None = None,
        governor: Governor | None = None,
        record: Recorder = unrecorded,
    ) -> None:
        self.company = company
        self.realm_id = company.realm_id
        self._settings = settings
        self._patience = patience or Patience()
        self._reach = _reach(settings)
        self.session = VendorSession(
            self._reach,
            kind_of=kind_of,
            examine=self._examine,
            read_seconds=read_seconds,
            governor=governor or (governor_of(company.realm_id) if settings.pace else None),
            metered=lambda kind: 1 if kind == "read" else 0,
            source=company.realm_id,
            record=record,
        )
        self._batches = batches_of(company.realm_id) if settings.pace else None
        self.session.hide(company.refresh_token, settings.client_secret)
        self._tokens = TokenKeeper(
            token_file, company.refresh_token, self._exchange, f"company {company.realm_id}"
        )
        self._library = _library(self.session, settings.base_url, company.realm_id)

    @property
    def calls(self) -> Any:
        """The `CallCount` so far; `metered` are CorePlus calls (each read and batch item)."""
        return self.session.calls.count

    @property
    def server_time(self) -> datetime | None:
        """The service's clock at its last answer, in UTC."""
        return self.session.server_time

    # Calls -----------------------------------------------------------------------------------

    def _read(self, call: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        """An answer of the right shape, asked for again while that may help."""
        return self._patience.insist(lambda: self._shaped(self._signed(call, "read"), good))

    def _shaped(self, answer: Any, good: Callable[[Any], bool]) -> Any:
        if good(answer):
            return answer
        raise Unavailable(SYSTEM, self._where, "the answer was not of the agreed shape")

    def _get(self, path: str) -> Any:
        return self._library.get(f"{self._library.api_url}/company/{self.realm_id}/{path}")

    def _fetched(
        self,
        path: str,
        read: Callable[[bytes], T],
        params: Mapping[str, str] | None = None,
        statement: str = "",
    ) -> T:
        """What `read` makes of an answer's bytes. An answer that it cannot read is asked for
        again, like one that did not come."""

        def call() -> T:
            return self._read_as(self._sent(path, params or {}, statement), read)

        return self._patience.insist(lambda: self._signed(call, "read"))

    def _sent(self, path: str, params: Mapping[str, str], statement: str) -> bytes:
        """The bytes of one call, sent like python-quickbooks sends its own."""
        headers = {
            "Content-Type": "application/text" if statement else "application/json",
            "Accept": "application/json",
            "User-Agent": "python-quickbooks V3 library",
        }
        response = self._library.process_request(
            "POST" if statement else "GET",
            f"{self._library.api_url}/company/{self.realm_id}/{path}",
            headers=headers,
            params={**params, "minorversion": MINOR_VERSION},
            data=statement,
        )
        return bytes(response.content)

    def _read_as(self, body: bytes, read: Callable[[bytes], T]) -> T:
        try:
            fault = answers.fault(body)
            if fault is None:
                return read(body)
        except KindChanged as changed:
            raise self._changed(changed.difference) from None
        except (ValueError, TypeError) as problem:
            reason = self.session.redact(str(problem))[:120]
            raise Unavailable(
                SYSTEM, self._where, f"the answer was not of the agreed shape ({reason})"
            ) from None
        raise faults.refusal(fault, self._where, 400, "read", self.session.redact)

    def _changed(self, found: Difference) -> Stop:
        return Stop(
            SYSTEM,
            f"{found.entity} {found.key} of {self._where}",
            f"{found.path} is {found.found} and was {found.was} so far",
            "Nothing of this load was kept, so that no figure rests on it. If only this record is "
            "so, mend it in QuickBooks; if the field's type was changed, the models that read it "
            "and `quickbooks_contract` have to follow. Then run the extraction again.",
        )

    @property
    def _where(self) -> str:
        return f"company {self.realm_id}"

    def _signed(self, call: Callable[[], T], kind: Kind) -> T:
        """The call with a good token; with a new one, once, when the service refuses the first.

        A refused token means that nothing was done, so that a write may be sent again as well.
        """
        token = self._present(self._tokens.access())
        try:
            return self._translated(call, kind)
        except faults.TokenRefused:
            self._present(self._tokens.renew(token))
        try:
            return self._translated(call, kind)
        except faults.TokenRefused:
            raise self._locked_out() from None

    def _present(self, token: Secret) -> Secret:
        self.session.hide(token)
        self.session.access_token = token.reveal()
        return token

    def _translated(self, call: Callable[[], T], kind: Kind) -> T:
        """The library's own complaints, about answers with status 200, as ours."""
        from quickbooks.exceptions import QuickbooksException

        try:
            return call()
        except QuickbooksException as problem:
            raise faults.from_library(problem, self._where, kind, self.session.redact) from None

    def _examine(self, response: requests.Response, kind: Kind) -> None:
        faults.examine(response, kind, self._where, self.session.redact)

    def _locked_out(self) -> CredentialsRefused:
        return CredentialsRefused(
            SYSTEM,
            self._where,
            "a token refreshed just now was refused",
            "Check that the app is still connected to this company, then connect it again.",
        )

    # Tokens ----------------------------------------------------------------------------------

    def _exchange(self, refresh_token: Secret) -> Mapping[str, Any]:
        """The refresh call (quickbooks_api 1.2). Raises `GrantRefused`, `CredentialsRefused`."""
        given = self._settings
        app = App(
            SYSTEM, "", self._token_endpoint(), given.client_id, given.client_secret,
            QUICKBOOKS_SCOPE,
        )  # fmt: skip
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return granted(self.session, app, form)

    def _token_endpoint(self) -> str:
        answer = json_object(self.session.get(self._settings.discovery_url))
        endpoint = answer.get("token_endpoint")
        if not isinstance(endpoint, str):
            raise Unavailable(SYSTEM, "discovery document", "it does not name the token endpoint")
        return self._reach.check(endpoint)


_governors: dict[str, Governor] = {}


def governor_of(realm_id: str) -> Governor:
    """The one governor of a company in this process: its limits are per company and app."""
    return _governors.setdefault(realm_id, Governor())


_batch_governors: dict[str, Governor] = {}


def batches_of(realm_id: str) -> Governor:
    """The one governor of a company's batches: 40 a minute for one app (quickbooks_api 5)."""
    return _batch_governors.setdefault(realm_id, Governor(BATCHES_A_MINUTE, BATCHES_A_MINUTE))


def _reach(settings: QuickBooksSettings) -> Reach:
    from urllib.parse import urlsplit

    local = is_loopback(urlsplit(settings.base_url).hostname or "")
    return Reach(SYSTEM, settings.base_url if local else None, QUICKBOOKS_HOSTS)


def _library(session: VendorSession, base_url: str, realm_id: str) -> Any:
    """python-quickbooks' client around our session. Its tokens and log-in are not used."""
    from quickbooks.client import QuickBooks

    class Wire(QuickBooks):  # type: ignore[misc]
        api_url = f"{base_url}/v3"

    wire = Wire(company_id=realm_id, minorversion=MINOR_VERSION, use_decimal=True)
    wire.session = session
    return wire
