"""Which Salesforce objects are read: those Crossfoot needs, more or fewer by the settings."""

from __future__ import annotations

import re

from pipelines.errors import ConfigurationError
from pipelines.extract.salesforce_objects import OBJECTS, OPTIONAL, meant
from pipelines.settings import Settings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def salesforce_objects(settings: Settings) -> tuple[str, ...]:
    """API names in the order in which they are read, each once.

    Raises `ConfigurationError` for what cannot be a name, and for one that is to be left out and
    is not read anyway, or that Crossfoot needs. Whether an org has the others, only it can say.
    """
    wrong = [name for name in settings.salesforce_more if not _NAME.fullmatch(name)]
    if wrong:
        raise _refused(
            "OBJECTS", wrong[0], "is not an API name of an object",
            "Name objects by comma, such as Contract,Renewal__c.",
        )  # fmt: skip
    for name in settings.salesforce_without:
        _refuse_needed(name)
    chosen = (o for o in OBJECTS if o not in settings.salesforce_without)
    return tuple(dict.fromkeys((*chosen, *settings.salesforce_more)))


def _refuse_needed(name: str) -> None:
    if name in OPTIONAL:
        return
    can = f"These can be left out: {', '.join(OPTIONAL)}."
    if name in OBJECTS:
        raise _refused("WITHOUT", name, "is needed: deals are judged by it", can)
    raise _refused("WITHOUT", name, "is not read anyway", f"{meant(name, OPTIONAL)}{can}")


def _refused(setting: str, name: str, problem: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(
        "settings", f"CROSSFOOT_SALESFORCE_{setting}", f"{name!r} {problem}", next_step
    )
