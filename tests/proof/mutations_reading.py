"""The guards of reading: that no row is lost without a word."""

from __future__ import annotations

from mutation import Mutation

E = "pipelines/extract/"
STORMS = "tests/contract/test_extract_storms.py"
WALK = ("tests/unit/test_quickbooks_walk.py",)
QUICKBOOKS = (
    "tests/contract/test_extract_quickbooks.py",
    "tests/contract/test_extract_readings.py",
    STORMS,
)
SALESFORCE = (
    "tests/contract/test_extract_salesforce.py",
    "tests/contract/test_extract_readings.py",
    STORMS,
)
TURNS = ("tests/unit/test_turns.py",)
ROW = tuple(
    f"tests/contract/test_extract_turns.py::test_{name}"
    for name in (
        "whoever_waits_comes_between_two_loads",
        "an_extraction_that_does_not_give_way_is_told_at_once",
        "a_first_load_in_part_is_written_down_as_such",
        "a_backfill_that_gives_way_after_every_load_ends_in_the_books",
    )
)
LOADS = ("tests/contract/test_extract.py", "tests/contract/test_extract_slices.py")
READING = (
    Mutation(
        "a page begins with the last record of the page before", f"{E}quickbooks_walk.py",
        "(not records or records.keys[0] != self.place.last_id)", "not records", WALK,
    ),
    Mutation(
        "a walk is not endless", f"{E}quickbooks_walk.py",
        "        if fresh:\n", "        if True:\n",
        WALK,
    ),
    Mutation(
        "a version older than the one told is read again", f"{E}quickbooks_walking.py",
        "if told and _is_older(head, told.heads[0]):", "if False:", (STORMS, *QUICKBOOKS),
    ),
    Mutation(
        "what the changes told and the walk did not show is handed on", f"{E}quickbooks_walking.py",
        "            yield from self._told_before(one)\n", "            one.recent.clear()\n",
        QUICKBOOKS,
    ),
    Mutation(
        "a walk that does not show its end is counted", f"{E}quickbooks_walking.py",
        "is_told or is_short or self._needs_count(one, size, is_ended)", "True", QUICKBOOKS,
    ),
    Mutation(
        "a walk is held against the service's count", f"{E}quickbooks_walking.py",
        "        return one.counted == size\n", "        return True\n", QUICKBOOKS,
    ),
    Mutation(
        "a record is gone by two proofs", f"{E}quickbooks_walking.py",
        "if self._still_there(one, chunk):", "if False:", QUICKBOOKS,
    ),
    Mutation(
        "once a day the books are counted", f"{E}quickbooks_reading.py",
        "        self._hold_against_counts()\n        self._bill_first",
        "        self._bill_first", QUICKBOOKS,
    ),
    Mutation(
        "changes that lost the newest one known are not believed", f"{E}quickbooks_changes.py",
        "if newest is None or _knows(changed, newest):", "if True:", QUICKBOOKS,
    ),
    Mutation(
        "older books are not taken for a deletion", f"{E}quickbooks_changes.py",
        "        if not self._is_there(*witness, newest):\n", "        if True:\n", QUICKBOOKS,
    ),
    Mutation(
        "a clock that went back is not followed", f"{E}quickbooks_changes.py",
        "        if now < last:\n", "        if False:\n", QUICKBOOKS,
    ),
    Mutation(
        "a full change answer may be cut", f"{E}quickbooks_changes.py",
        "is_cut = changed.objects >= CDC_LIMIT\n", "is_cut = False\n", QUICKBOOKS,
    ),
    Mutation(
        "a deletion that was cut off is missed by the count", f"{E}quickbooks_changes.py",
        "if told.is_cut and not self._has_all(one, living):", "if False:", QUICKBOOKS,
    ),
    Mutation(
        "pages of a query are as many rows as promised", f"{E}salesforce_walks.py",
        "        if seen != promised:\n", "        if False:\n", SALESFORCE,
    ),
    Mutation(
        "a bulk job brings as many rows as it counts", f"{E}salesforce_walks.py",
        "        if walk.rows != job.records:\n", "        if False:\n", SALESFORCE,
    ),
    Mutation(
        "each row comes once", f"{E}salesforce_walks.py",
        "if walk.met and pc.count_distinct(walk.ids()).as_py() != len(walk.ids()):", "if False:",
        SALESFORCE,
    ),
    Mutation(
        "an object that seems empty is counted", f"{E}salesforce_preparing.py",
        "        if counted:\n", "        if False:\n", SALESFORCE,
    ),
    Mutation(
        "late commits are read by the overlap", f"{E}salesforce_asking.py",
        "OVERLAP = timedelta(minutes=10)", "OVERLAP = timedelta(0)", SALESFORCE,
    ),
    Mutation(
        "what left the bin is told by getDeleted", f"{E}salesforce_preparing.py",
        "return until - OVERLAP <= at < until + BIN_DAYS", "return True", SALESFORCE,
    ),
    Mutation(
        "the watched are quiet only when both lists are empty", f"{E}salesforce_asking.py",
        "        if reply.body.get(key) != []:\n", "        if False:\n", SALESFORCE,
    ),
    Mutation(
        "a changed type stops", f"{E}salesforce_objects.py",
        "if at < 0 or known.field(at).type == field.type:", "if True:", SALESFORCE,
    ),
    Mutation(
        "a standard field that is hidden stops", f"{E}salesforce_objects.py",
        "    if hidden:\n", "    if False:\n", SALESFORCE,
    ),
    Mutation(
        "what differs unseen is read anew by the sweep", f"{E}salesforce_sweep.py",
        "    differs = pc.is_null(at)\n    for name in held.schema.names:",
        "    differs = pc.is_null(at)\n    for name in ():", SALESFORCE,
    ),
    Mutation(
        "a load is held against what was handed over", f"{E}run.py",
        "            records.refuse_lost_rows(connection, one, intake)\n", "", LOADS,
    ),
    Mutation(
        "a killed run's figures are asked again", f"{E}run.py",
        "moment > records.last_end(connection, one.dataset)", "False",
        ("tests/contract/test_extract_controls.py",),
    ),
    Mutation(
        "a reading that brings nothing for ever ends", f"{E}run.py",
        "    if empty >= _EMPTY_LOADS:\n", "    if False:\n",
        ("tests/contract/test_extract_slices.py",),
    ),
    Mutation(
        "a figure that differs is asked again", f"{E}run.py",
        "if not controls.differing(totals) or asked == _ASKED_AT_MOST:", "if True:",
        ("tests/contract/test_extract_controls.py",),
    ),
    Mutation(
        "a figure that differs is written down as such", f"{E}controls.py",
        "return None if total.held is None else total.held == total.vendor", "return True",
        ("tests/contract/test_extract_controls.py",),
    ),
    Mutation(
        "a backfill lets whoever waits go first", "orchestration/turns.py",
        "        if waiting := self._waiting():\n", "        if waiting := {}:\n", TURNS,
    ),
    Mutation(
        "it lets the whole of a run go by", "orchestration/turns.py",
        "and not self._have_ended(waiting):", "and False:", TURNS,
    ),
    Mutation(
        "it takes its place in the pool again before it goes on", "orchestration/turns.py",
        ").is_claimed:", ") and False:", TURNS,
    ),
    Mutation(
        "it gives way to a run that Dagster has not begun", "orchestration/turns.py",
        "for run in queued if", "for run in () if", TURNS,
    ),
    Mutation(
        "it does not wait for a run of another code location", "orchestration/turns.py",
        "if location_of(run) == here}", "if True}", TURNS,
    ),
    Mutation(
        "it does not wait for a run that has ended", "orchestration/turns.py",
        "if run is not None and run.status not in _ENDED:", "if run is not None:", TURNS,
    ),
    Mutation(
        "extractions come one after the other", f"{E}alone.py",
        "waits = [_wait(row, lock), _wait(lock, lock)]", "waits = [_wait(lock, lock)]", ROW,
    ),
    Mutation(
        "who gives way says so", f"{E}alone.py",
        'lock.write(_GIVES_WAY if is_giving_way else "")', 'lock.write("")', ROW,
    ),
    Mutation(
        "who does not give way is not waited for", f"{E}alone.py",
        "(not _gives_way(lock) and looks > 1) or ", "", ROW,
    ),
    Mutation(
        "whoever came between leaves the walks to the backfill", f"{E}run.py",
        "passing_by = came_between and is_first", "passing_by = False and is_first", ROW,
    ),
    Mutation(
        "what is not read to its end is written down as such", f"{E}run.py",
        "told = [*results, *map(_unfinished, filter(lambda w: not w.is_followed, kept))]",
        "told = [*results]", ROW,
    ),
    Mutation(
        "no backfill is begun beside another", "orchestration/clocks.py",
        "    if context.instance.get_runs(filters, limit=1):\n", "    if False:\n", TURNS,
    ),
    Mutation(
        "what cannot go on is not tried for ever", "orchestration/clocks.py",
        "key = hashlib.sha256(told.encode()).hexdigest()", "key = str(datetime.now(UTC))", TURNS,
    ),
    Mutation(
        "runs of another code location are not ours", "orchestration/clocks.py",
        "if origin else {}", "if False else {}", TURNS,
    ),
    Mutation(
        "a server that starts ends only its own runs", "orchestration/abandoned.py",
        'and location in ("", location_of(run))', "and True", TURNS,
    ),
)  # fmt: skip
