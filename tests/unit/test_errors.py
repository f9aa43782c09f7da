"""The error tree is a promise to callers: what each kind of failure asks them to do."""

from __future__ import annotations

import errno
import inspect
import os
import pickle

import pytest

from pipelines import errors

REACTIONS = (
    errors.Retry,
    errors.ReplyLost,
    errors.AskAPerson,
    errors.FixTheRow,
    errors.Stop,
)
ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__ and kind is not errors.CrossfootError
]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_asks_for_exactly_one_reaction(kind: type[Exception]) -> None:
    assert sum(issubclass(kind, reaction) for reaction in REACTIONS) == 1


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_in_the_drawing_at_the_top(kind: type[Exception]) -> None:
    assert f"─ {kind.__name__}" in (errors.__doc__ or "")


def test_the_text_names_system_record_problem_and_next_step() -> None:
    error = errors.Refused("QuickBooks", "invoice 39", "no such customer", "Link it.", "2500", "x")
    assert str(error) == "QuickBooks, invoice 39: no such customer. Link it."
    assert (error.code, error.vendor_message) == ("2500", "x")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, errors.DiskFull, "no room left"),
        (errno.EACCES, errors.Stop, "permission denied. Let this user write"),
        (errno.ENOTDIR, errors.Stop, "not a directory"),
    ],
)
def test_what_the_file_system_refuses_names_the_file(
    number: int, kind: type[errors.Stop], words: str
) -> None:
    told = errors.from_disk(OSError(number, os.strerror(number), "/data/report.html"))
    assert isinstance(told, kind)
    assert str(told).startswith("disk, /data/report.html: ")
    assert words in str(told)


def test_a_lost_reply_is_never_taken_for_something_to_retry() -> None:
    assert not issubclass(errors.ReplyLost, errors.Retry)
    assert not issubclass(errors.Refused, errors.Retry)


@pytest.mark.parametrize("kind", ALL)
def test_errors_survive_the_way_between_processes(kind: type[errors.CrossfootError]) -> None:
    error = kind("Salesforce", "deal 006", "it broke", "Look.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))
