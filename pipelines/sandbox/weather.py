"""What a vendor's calls look like to a fault: the hooks every vendor gives, and the faults that
change a call or its answer. Those that cut or delay the connection are the server's."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.sandbox import codec
from pipelines.sandbox.faults import Action, FaultRuleRefused

if TYPE_CHECKING:
    from pipelines.sandbox.kernel import Reply, Request, Sandbox


@dataclass(frozen=True)
class Meaning:
    """What a call does, for rules: `operation` is query, read, create, update, delete, token and
    the like; `entity` the object it speaks of. Empty where it says nothing of the kind."""

    operation: str = ""
    entity: str = ""


# Answers a call; None answers nothing and notes that nothing was done.
Dispatch = Callable[["Request | None"], "Reply | None"]


@dataclass(frozen=True)
class Page:
    """The rows of an answer, and of what they are."""

    entity: str
    rows: tuple[Any, ...]


class Weather(Protocol):
    """One vendor's hooks."""

    def meaning(self, request: Request) -> Meaning:
        """What the call does."""
        ...

    def knows(self, code: str) -> bool:
        """Whether `refused` has the vendor's words for the code."""
        ...

    def refused(self, request: Request, code: str, message: str | None) -> Reply:
        """The vendor's own answer with that error code."""
        ...

    def throttled(self, request: Request, action: Action) -> Reply:
        """The vendor's own answer to too many calls."""
        ...

    def page(self, reply: Reply) -> Page | None:
        """The rows of a query's answer; None when it is none."""
        ...

    def with_rows(self, reply: Reply, rows: Sequence[Any]) -> Reply:
        """The same answer with other rows."""
        ...

    def items(self, request: Request) -> int:
        """How many items a batch has; 0 when it is none."""
        ...

    def partly(
        self, request: Request, chosen: Collection[int], code: str, dispatch: Dispatch
    ) -> Reply:
        """Answer a batch of which the chosen items fail with that code and are not done."""
        ...

    def rotating(self) -> AbstractContextManager[None]:
        """While it lasts, every refresh gives a new refresh token, where the vendor rotates."""
        ...


READS = frozenset({"query", "read", "changes", "report", "describe"})


def out_of_place(sandbox: Sandbox, request: Request, meaning: Meaning) -> set[str]:
    """The kinds of fault that this call cannot have."""
    weather = sandbox.vendors[request.system].weather
    kinds = set()
    if meaning.operation not in READS:
        kinds.add("stale_read")  # a bulk result stays what it was when its job was made
        if meaning.operation != "bulk_results":
            kinds |= {"empty_page", "repeat_page"}
    if meaning.operation != "token":
        kinds.add("lose_rotated_token")
    if not weather.items(request):
        kinds.add("partial_failure")
    if not sandbox.has_page(request):
        kinds.add("repeat_page")
    return kinds


def changed_reply(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    """Answer a call with one of the faults that are no matter of the connection."""
    with sandbox.lock:
        return _CHANGES[action.kind](sandbox, request, action)


def _refuse(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    weather = sandbox.vendors[request.system].weather
    if action.code is not None:
        reply = weather.refused(request, action.code, action.message)
    else:
        reply = _raw(action)
    sandbox.note_undone(request, reply.status, action.kind)
    return reply


def _raw(action: Action) -> Reply:
    from pipelines.sandbox.kernel import Reply

    is_text = isinstance(action.body, str)
    body = action.body.encode() if is_text else codec.dump_bytes(action.body)
    default = "text/plain; charset=utf-8" if is_text else "application/json;charset=UTF-8"
    return Reply(action.status, body, {"Content-Type": default, **action.headers})


def _throttle(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    reply = sandbox.vendors[request.system].weather.throttled(request, action)
    sandbox.note_undone(request, reply.status, action.kind)
    return reply


def _as_usual(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    return sandbox.dispatch(request, action.kind)


def _expire(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    sandbox.vendors[request.system].expire_token(request)
    return sandbox.dispatch(request, action.kind)


def _empty(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    reply = sandbox.dispatch(request, action.kind)
    return sandbox.vendors[request.system].empty_page(request, reply)


def _repeat(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    before = sandbox.last_pages(request)
    reply = sandbox.dispatch(request, action.kind)
    weather = sandbox.vendors[request.system].weather
    page = weather.page(reply)
    rows = before.get(page.entity) if page else None
    return reply if rows is None else weather.with_rows(reply, rows)


def _malformed(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    from pipelines.sandbox.kernel import Reply

    reply = sandbox.dispatch(request, action.kind)
    return Reply(reply.status, reply.body[: len(reply.body) // 2] + b"\n<<", reply.headers)


def _stale(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    """The answer as the books were; nothing it writes is kept."""
    with sandbox.store.as_of(action.commits, sandbox.moment_ago(action.seconds)):
        return sandbox.dispatch(request, action.kind)


def _partial(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    weather = sandbox.vendors[request.system].weather
    chosen = chosen_items(action, weather.items(request))

    def dispatch(part: Request | None) -> Reply | None:
        if part is None:
            sandbox.note_undone(request, 200, action.kind)
            return None
        return sandbox.dispatch(part, action.kind)

    return weather.partly(request, chosen, action.code or "", dispatch)


def chosen_items(action: Action, count: int) -> frozenset[int]:
    """The items of a batch that fail: those named, or a share of them by the rule's seed."""
    if action.items is not None:
        return frozenset(n for n in action.items if 0 <= n < count)
    dice = random.Random(action.luck)
    return frozenset(n for n in range(count) if dice.random() < action.share)


def _skewed(sandbox: Sandbox, request: Request, action: Action) -> Reply:
    from pipelines.sandbox.kernel import Reply

    with sandbox.clock.skewed(action.seconds):
        reply = sandbox.dispatch(request, action.kind)
        date = {"Date": sandbox.clock.http_date()}
    return Reply(reply.status, reply.body, {**reply.headers, **date})


_CHANGES = {
    "refuse": _refuse,
    "throttle": _throttle,
    "delay": _as_usual,
    "expire_token": _expire,
    "empty_page": _empty,
    "repeat_page": _repeat,
    "malformed": _malformed,
    "stale_read": _stale,
    "partial_failure": _partial,
    "clock_skew": _skewed,
}


def check_code(sandbox: Sandbox, system: str | None, action: Action) -> None:
    """Refuse a rule whose code no vendor it speaks of has.

    Raises:
        FaultRuleRefused: an unknown code.
    """
    if action.code is None:
        return
    systems = [system] if system in sandbox.vendors else list(sandbox.vendors)
    if not any(sandbox.vendors[name].weather.knows(action.code) for name in systems):
        raise FaultRuleRefused(
            f"{' and '.join(systems)} documents no error {action.code} that the sandbox knows; "
            "name another code, or give status and body."
        )
