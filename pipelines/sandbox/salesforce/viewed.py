"""What each user looked at or wrote by itself, for the recent items; kept over a restart where
writes are kept."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.sandbox.store import Store

_KEPT = 200
_KEY = "viewed"
Moment = tuple[str, int]


class Viewed:
    """Of each user and object the last records, each with its moment: a time and a count within
    it."""

    def __init__(self, store: Store, org_id: str) -> None:
        self._store = store
        self._org = org_id
        self._seen: dict[tuple[str, str], dict[str, Moment]] = {}
        kept = [(k.split(":"), v) for k, v in store.meta(org_id).items() if k.startswith(_KEY)]
        for (_, user_id, name, record_id), (at, count) in sorted(kept, key=lambda one: one[1][1]):
            self._seen.setdefault((user_id, name), {})[record_id] = (str(at), int(count))
        self._count = max((int(v[1]) for _, v in kept), default=0)

    def note(self, user_id: str, name: str, record_id: str, at: str) -> None:
        """A user looked at a record of the object `name`, or wrote it."""
        self._count += 1
        seen = self._seen.setdefault((user_id, name), {})
        seen.pop(record_id, None)
        seen[record_id] = (at, self._count)
        self._keep(user_id, name, record_id, [at, self._count])
        if len(seen) > _KEPT:
            oldest = next(iter(seen))
            del seen[oldest]
            self._keep(user_id, name, oldest, None)

    def _keep(self, user_id: str, name: str, record_id: str, moment: list[object] | None) -> None:
        self._store.put_meta(self._org, f"{_KEY}:{user_id}:{name}:{record_id}", moment)

    def of(self, user_id: str, name: str) -> Mapping[str, Moment]:
        """A user's moments by record id."""
        return self._seen.get((user_id, name), {})
