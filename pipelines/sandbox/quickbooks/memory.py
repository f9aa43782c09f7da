"""requestid: a repeated value returns the stored first answer, whatever is asked now.

The memory is written in the transaction of the call itself, so that either both the object and
its answer are kept or neither. Refused calls are not remembered.
"""

from __future__ import annotations

from collections.abc import Callable

from pipelines.sandbox import codec
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.values import Record

LONGEST = 50


def remembered(
    books: Books,
    request_id: str,
    make: Callable[[], Record],
    is_refused: Callable[[Record], bool] = lambda answer: False,
) -> Record:
    """The answer of the first call with this id; the first time, `make` answers.

    An answer that `is_refused` (an upload whose faults stand in its list) is not remembered.

    Raises:
        Refusal: 6000, an id of more than 50 characters; and whatever `make` refuses with.
    """
    if not request_id:
        return make()
    if len(request_id) > LONGEST:
        raise business(
            f"You cannot enter more than {LONGEST} characters in the request_id field. "
            f"You tried entering {request_id}, which is {len(request_id)} characters."
        )
    key = f"request/{request_id}"
    known = books.store.meta(books.realm).get(key)
    if known is not None:
        answer: Record = codec.loads(known)
        return answer
    answer = make()
    if is_refused(answer):
        return answer
    books.store.put_meta(books.realm, key, codec.dumps(answer))
    return answer
