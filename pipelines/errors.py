"""Every error of Crossfoot, sorted by what the caller does about it.

CrossfootError
├── Retry                  the same call may succeed later, and repeating it is safe
│   ├── Throttled          the vendor asks for fewer calls
│   └── Unavailable        no connection, a broken answer, or the vendor's own failure
├── ReplyLost              a write was sent and no answer came: its outcome is unknown
├── AskAPerson             only a person can settle it
│   ├── CredentialsRefused
│   ├── ApprovalMissing
│   └── Conflict           somebody else changed the record meanwhile
├── FixTheRow              a fact about this one record; the others go on
│   ├── Refused            the vendor said no, with its own code and words
│   └── Stale              the record moved on since it was read
└── Stop                   the whole run ends, with the rest untouched
    ├── ConfigurationError
    ├── WrongCompany
    ├── StateCorrupt
    ├── WarehouseBusy
    ├── DiskFull
    ├── LimitExceeded
    └── Incomplete         fewer rows arrived than the vendor promised
"""

from __future__ import annotations

import errno


class CrossfootError(Exception):
    """A problem told as: which system, which record, what is wrong, what to do next.

    The text is shown to people and written to logs, so callers never put a secret into it.
    """

    def __init__(self, system: str, record: str, problem: str, next_step: str = "") -> None:
        super().__init__(system, record, problem, next_step)
        self.system = system
        self.record = record
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        where = f"{self.system}, {self.record}" if self.record else self.system
        sentence = f"{where}: {self.problem.rstrip('.')}."
        return f"{sentence} {self.next_step}" if self.next_step else sentence


class Retry(CrossfootError):
    """The same call may succeed later; repeating it changes nothing twice."""


class Throttled(Retry):
    """The vendor asks for fewer calls; `retry_after` is its wish in seconds, if it named one."""

    def __init__(
        self,
        system: str,
        record: str,
        problem: str,
        next_step: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(system, record, problem, next_step)
        self.retry_after = retry_after


class Unavailable(Retry):
    """The system could not be reached, or answered with something that is not an answer."""


class ReplyLost(CrossfootError):
    """A write was sent and its answer did not arrive: look in the other system before repeating."""


class AskAPerson(CrossfootError):
    """Nothing the program may decide by itself."""


class CredentialsRefused(AskAPerson):
    """Log-in data or a token was refused."""


class ApprovalMissing(AskAPerson):
    """A plan needs an approval it does not have."""


class Conflict(AskAPerson):
    """A person changed the record between plan and apply."""


class FixTheRow(CrossfootError):
    """A fact about one record; its neighbours are not concerned."""

    def __init__(
        self,
        system: str,
        record: str,
        problem: str,
        next_step: str = "",
        code: str = "",
        vendor_message: str = "",
    ) -> None:
        super().__init__(system, record, problem, next_step)
        self.code = code
        self.vendor_message = vendor_message


class Refused(FixTheRow):
    """The vendor refused this record: `code` and `vendor_message` are the vendor's own."""


class Stale(FixTheRow):
    """The record has changed in the vendor's system since it was read."""


class Stop(CrossfootError):
    """The run cannot go on; nothing further is touched."""


class ConfigurationError(Stop):
    """A setting is missing or makes no sense."""


class WrongCompany(Stop):
    """The system that answered is not the configured org or company."""


class StateCorrupt(Stop):
    """A file that Crossfoot keeps cannot be read as what it should be."""


class WarehouseBusy(Stop):
    """Another process holds the warehouse file."""


class DiskFull(Stop):
    """There is no room left to write."""


class LimitExceeded(Stop):
    """A guard's limit on number, amount or calls would be passed."""


class Incomplete(Stop):
    """Fewer (or other) rows arrived than the vendor itself announced."""


def from_disk(problem: OSError) -> Stop:
    """What the file system refused, as ours: which file, why, what to do."""
    path = str(problem.filename or "")
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("disk", path, "there is no room left", "Free some space and run again.")
    return Stop(
        "disk",
        path,
        (problem.strerror or str(problem)).lower(),
        "Let this user write there, or choose another folder with CROSSFOOT_DATA_DIR.",
    )
