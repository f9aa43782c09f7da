"""From changed records to the pairs that may have changed with them, step by step.

A record that comes, goes or changes also changes how rare its words and keys are, and with that
pairs of others. Each step finds whom the step before has really changed, and builds its model
again for these. The tables that are left are those that a build of everything would have made.
"""

from __future__ import annotations

from pipelines.matching.narrowed import Narrowed

# A record's name in the tables that have no number for it.
_KEY = "(side, scope_id, record_id)"
CHANGED = f"{_KEY} IN (SELECT {_KEY} FROM alone_changed)"
CHANGED_ACCOUNTS = (
    "(org_id, account_id) IN "
    "(SELECT (scope_id, record_id) FROM alone_changed WHERE side = 'account')"
)
CHANGED_CUSTOMERS = (
    "(company_id, customer_id) IN "
    "(SELECT (scope_id, record_id) FROM alone_changed WHERE side = 'customer')"
)


def among(table: str) -> str:
    """The condition that a record is one of a table's."""
    return f"record_no IN (SELECT record_no FROM {table})"


def end_in(table: str) -> str:
    """The condition that one record of a pair is one of a table's."""
    chosen = f"(SELECT record_no FROM {table})"
    return f"(account_no IN {chosen} OR customer_no IN {chosen})"


def in_pairs(table: str) -> str:
    """The condition that a pair is one of a table's; the accounts alone are told apart faster."""
    return (
        f"account_no IN (SELECT account_no FROM {table}) "
        f"AND (account_no, customer_no) IN (SELECT (account_no, customer_no) FROM {table})"
    )


def with_children(step: Narrowed) -> None:
    """Who names a changed record as its parent is known by that one's name as well."""
    step.run("""
        INSERT INTO alone_changed
        SELECT DISTINCT children.side, children.scope_id, children.record_id
        FROM intermediate.int_customers__records AS children
        INNER JOIN alone_changed AS parents
            ON children.side = parents.side
            AND children.scope_id = parents.scope_id
            AND children.parent_id = parents.record_id
        ANTI JOIN alone_changed AS listed
            ON children.side = listed.side
            AND children.scope_id = listed.scope_id
            AND children.record_id = listed.record_id
    """)


def records(step: Narrowed) -> None:
    """The changed records themselves, their names and their numbers."""
    step.note(
        "alone_numbers",
        f"SELECT record_no FROM intermediate.int_customers__numbered WHERE {CHANGED}",
    )
    _counts(step, "before")
    _own_rows(step)
    step.run(
        "INSERT INTO alone_numbers SELECT record_no FROM intermediate.int_customers__numbered "
        f"WHERE {CHANGED} AND record_no NOT IN (SELECT record_no FROM alone_numbers)"
    )
    _counts(step, "after")


def _counts(step: Narrowed, when: str) -> None:
    """What the changed records add to the counts of words and names."""
    names = {"int_names__normalised": CHANGED}
    step.note(
        f"alone_words_{when}",
        step.model("int_names__word_counts", int_customers__records=CHANGED, **names),
    )
    step.note(f"alone_names_{when}", step.model("int_names__holders", **names))


def _own_rows(step: Narrowed) -> None:
    accounts, customers = "int_accounts__normalised", "int_customers__normalised"
    step.replace(
        accounts,
        CHANGED_ACCOUNTS,
        step.model(
            accounts,
            stg_salesforce__accounts=CHANGED_ACCOUNTS,
            stg_salesforce__contacts=CHANGED_ACCOUNTS,
        ),
    )
    step.replace(
        customers,
        CHANGED_CUSTOMERS,
        step.model(customers, stg_quickbooks__customers=CHANGED_CUSTOMERS),
    )
    step.note(
        "alone_named",
        f"SELECT org_id, unnest([account_id, parent_account_id]) AS account_id "
        f"FROM staging.stg_salesforce__accounts WHERE {CHANGED_ACCOUNTS}",
    )
    step.replace(
        "int_names__normalised",
        CHANGED,
        step.model(
            "int_names__normalised",
            CHANGED,
            stg_salesforce__accounts=(
                "(org_id, account_id) IN (SELECT (org_id, account_id) FROM alone_named)"
            ),
            stg_quickbooks__customers=CHANGED_CUSTOMERS,
        ),
    )
    _numbers(step)
    step.replace(
        "int_customers__records",
        among("alone_numbers"),
        step.model(
            "int_customers__records",
            int_accounts__normalised=CHANGED_ACCOUNTS,
            int_customers__normalised=CHANGED_CUSTOMERS,
        ),
    )


def _numbers(step: Narrowed) -> None:
    """A number for who came, none for who went; the others keep theirs."""
    step.note(
        "alone_here",
        step.model(
            "int_customers__numbered",
            int_accounts__normalised=CHANGED_ACCOUNTS,
            int_customers__normalised=CHANGED_CUSTOMERS,
        ),
    )
    step.run(
        f"DELETE FROM intermediate.int_customers__numbered WHERE {CHANGED} "
        f"AND {_KEY} NOT IN (SELECT {_KEY} FROM alone_here)"
    )
    step.run(f"""
        INSERT INTO intermediate.int_customers__numbered
        SELECT side, scope_id, record_id, CAST(
            (SELECT max(record_no) FROM intermediate.int_customers__records)
            + row_number() OVER (ORDER BY record_no) AS INTEGER)
        FROM alone_here
        WHERE {_KEY} NOT IN (SELECT {_KEY} FROM intermediate.int_customers__numbered
            WHERE {CHANGED})
    """)


def names(step: Narrowed) -> None:
    """Words and names whose weight has changed, and the names of everybody who has them."""
    _words(step)
    _name_holders(step)
    step.note(
        "alone_weighed",
        """
        SELECT record_no FROM alone_numbers
        UNION
        SELECT record_no FROM intermediate.int_names__weighed
        WHERE list_has_any(tokens, (SELECT coalesce(list(word), []) FROM alone_words_told))
            OR token_key IN (SELECT held_part FROM alone_names_told WHERE held_kind = 'name')
            OR left(joined_name, 8) IN (
                SELECT held_part FROM alone_names_told WHERE held_kind = 'start')
        """,
    )
    weighed = among("alone_weighed")
    step.replace(
        "int_names__weighed",
        weighed,
        step.model(
            "int_names__weighed",
            int_names__normalised=(
                f"{_KEY} IN (SELECT {_KEY} FROM intermediate.int_customers__numbered "
                f"WHERE {weighed})"
            ),
            int_customers__numbered=weighed,
        ),
    )


def _words(step: Narrowed) -> None:
    counts, words = "int_names__word_counts", "int_names__words"
    step.note(
        "alone_words",
        """
        WITH moved AS (
            SELECT word, -record_holders AS record_holders, -town_holders AS town_holders
            FROM alone_words_before
            UNION ALL
            SELECT * FROM alone_words_after
        )
        SELECT word, sum(record_holders) AS record_holders, sum(town_holders) AS town_holders
        FROM moved GROUP BY word HAVING sum(record_holders) != 0 OR sum(town_holders) != 0
        """,
    )
    one_of = "word IN (SELECT word FROM alone_words)"
    step.replace(
        counts,
        one_of,
        f"""
        WITH summed AS (
            SELECT * FROM intermediate.{counts} WHERE {one_of}
            UNION ALL
            SELECT * FROM alone_words
        )
        SELECT word, CAST(sum(record_holders) AS INTEGER) AS record_holders,
            CAST(sum(town_holders) AS INTEGER) AS town_holders
        FROM summed GROUP BY word HAVING sum(record_holders) > 0 OR sum(town_holders) > 0
        """,
    )
    step.note("alone_weights", f"SELECT * FROM intermediate.{words} WHERE {one_of}")
    came = step.replace(words, one_of, step.model(words, int_names__word_counts=one_of))
    moved = _differing("alone_weights", came)
    step.note("alone_words_told", f"SELECT DISTINCT word FROM ({moved})")


def _name_holders(step: Narrowed) -> None:
    holders = "int_names__holders"
    key = "(side, scope_id, held_kind, held_part)"
    step.note(
        "alone_names",
        """
        WITH moved AS (
            SELECT * REPLACE (-holders AS holders) FROM alone_names_before
            UNION ALL
            SELECT * FROM alone_names_after
        )
        SELECT side, scope_id, held_kind, held_part, sum(holders) AS holders
        FROM moved GROUP BY ALL HAVING sum(holders) != 0
        """,
    )
    one_of = f"{key} IN (SELECT {key} FROM alone_names)"
    step.note("alone_names_old", f"SELECT * FROM intermediate.{holders} WHERE {one_of}")
    came = step.replace(
        holders,
        one_of,
        """
        WITH summed AS (SELECT * FROM alone_names_old UNION ALL SELECT * FROM alone_names)
        SELECT side, scope_id, held_kind, held_part, CAST(sum(holders) AS INTEGER) AS holders
        FROM summed GROUP BY ALL HAVING sum(holders) > 0
        """,
    )
    # Of what more than fifty hold, one more or less is told nobody.
    capped = "(SELECT * REPLACE (least(holders, 50) AS holders) FROM {})"
    moved = _differing(capped.format("alone_names_old"), capped.format(came))
    step.note("alone_names_told", f"SELECT DISTINCT held_kind, held_part FROM ({moved})")


def _differing(before: str, after: str) -> str:
    """The rows that only one of two tables has."""
    return (
        f"(SELECT * FROM {before} EXCEPT SELECT * FROM {after}) UNION ALL "
        f"(SELECT * FROM {after} EXCEPT SELECT * FROM {before})"
    )


def keys(step: Narrowed) -> None:
    """The keys of the changed records, and everybody whose shared keys became rarer or commoner."""
    table = "int_customers__keys"
    changed = among("alone_numbers")
    step.note("alone_keys", f"SELECT * FROM intermediate.{table} WHERE {changed}")
    came = step.replace(
        table,
        changed,
        step.model(table, int_customers__records=changed, int_names__weighed=changed),
    )
    moved = _differing("alone_keys", came)
    step.note("alone_hashes", f"SELECT DISTINCT key_hash FROM ({moved})")
    step.note(
        "alone_holders",
        f"SELECT * FROM intermediate.{table} WHERE key_hash IN (SELECT key_hash FROM alone_hashes)",
    )
    _groups(step)
    _shared_keys(step)


def _groups(step: Narrowed) -> None:
    groups = "int_customers__groups"
    step.note(
        "alone_grouped",
        "SELECT record_no FROM alone_numbers UNION SELECT record_no FROM alone_holders "
        "WHERE key_kind IN ('domain', 'phone')",
    )
    grouped = among("alone_grouped")
    step.note("alone_groups", f"SELECT * FROM intermediate.{groups} WHERE {grouped}")
    came = step.replace(
        groups,
        grouped,
        step.model(
            groups,
            grouped,
            int_customers__keys=(
                "key_kind IN ('domain', 'phone') AND key_hash IN ("
                "SELECT key_hash FROM intermediate.int_customers__keys "
                f"WHERE {grouped} AND key_kind IN ('domain', 'phone'))"
            ),
        ),
    )
    moved = _differing("alone_groups", came)
    step.note("alone_groups_told", f"SELECT DISTINCT record_no FROM ({moved})")


def _shared_keys(step: Narrowed) -> None:
    shared = "int_customers__shared_keys"
    one_of = "key_hash IN (SELECT key_hash FROM alone_hashes)"
    step.note("alone_shared_keys", f"SELECT * FROM intermediate.{shared} WHERE {one_of}")
    came = step.replace(shared, one_of, step.model(shared, int_customers__keys=one_of))
    moved = _differing("alone_shared_keys", came)
    step.note("alone_keys_told", f"SELECT DISTINCT key_hash, org_id, company_id FROM ({moved})")


def linked(step: Narrowed) -> None:
    """Both ends of the links by key that came or went."""
    step.note(
        "alone_linked",
        """
        SELECT records.record_no
        FROM intermediate.int_customers__numbered AS records
        INNER JOIN alone_links AS links
            ON records.side = 'account'
            AND records.scope_id = links.org_id AND records.record_id = links.account_id
            OR records.side = 'customer'
            AND records.scope_id = links.company_id AND records.record_id = links.customer_id
        """,
    )


def pairs(step: Narrowed) -> None:
    """The pairs of everybody who was touched: what they share, and what is worth comparing."""
    step.note(
        "alone_touched",
        """
        SELECT record_no FROM alone_weighed
        UNION SELECT record_no FROM alone_groups_told
        UNION SELECT record_no FROM alone_linked
        UNION SELECT holders.record_no
        FROM alone_holders AS holders
        INNER JOIN alone_keys_told AS told
            ON holders.key_hash = told.key_hash
            AND holders.scope_id IN (told.org_id, told.company_id)
        """,
    )
    _shared(step)
    _blocked(step)


def _shared(step: Narrowed) -> None:
    shared, touched = "int_customers__shared", end_in("alone_touched")
    step.note(
        "alone_touched_keys",
        "SELECT DISTINCT key_hash FROM intermediate.int_customers__keys "
        f"WHERE {among('alone_touched')}",
    )
    hashes = "key_hash IN (FROM alone_touched_keys)"
    step.note("alone_shared", f"SELECT * FROM intermediate.{shared} WHERE {touched}")
    step.note(
        "alone_names_of",
        "SELECT side, scope_id, record_id FROM intermediate.int_customers__numbered "
        f"WHERE {among('alone_touched')}",
    )
    came = step.replace(
        shared,
        touched,
        step.model(
            shared,
            touched,
            int_customers__keys=hashes,
            int_customers__shared_keys=hashes,
            int_accounts__linked=(
                "('account', org_id, account_id) IN (FROM alone_names_of) "
                "OR ('customer', company_id, customer_id) IN (FROM alone_names_of)"
            ),
        ),
    )
    ranked = "account_no, customer_no, shared_bits, has_external_id"
    before, after = (f"(SELECT {ranked} FROM {one})" for one in ("alone_shared", came))
    step.note(
        "alone_ranked",
        f"""
        WITH moved AS ({_differing(before, after)})
        SELECT record_no FROM alone_touched
        UNION SELECT account_no FROM moved
        UNION SELECT customer_no FROM moved
        """,
    )


def _blocked(step: Narrowed) -> None:
    """A pair is compared when it is among the best of either of its records: their lists whole."""
    blocked, ranked = "int_customers__blocked", end_in("alone_ranked")
    step.note("alone_lists", _with_partners("int_customers__shared", "alone_ranked"))
    step.note("alone_blocked", f"SELECT * FROM intermediate.{blocked} WHERE {ranked}")
    came = step.replace(
        blocked,
        ranked,
        step.model(blocked, ranked, int_customers__shared=end_in("alone_lists")),
    )
    step.note(
        "alone_pairs",
        f"""
        SELECT account_no, customer_no FROM {came}
        WHERE {end_in("alone_touched")} OR NOT ({in_pairs("alone_blocked")})
        """,
    )
    step.note(
        "alone_gone",
        f"SELECT account_no, customer_no FROM alone_blocked WHERE NOT ({in_pairs(came)})",
    )


def _with_partners(pairs_of: str, table: str) -> str:
    return f"""
        SELECT record_no FROM {table}
        UNION SELECT account_no FROM intermediate.{pairs_of} WHERE {end_in(table)}
        UNION SELECT customer_no FROM intermediate.{pairs_of} WHERE {end_in(table)}
    """


def evidence(step: Narrowed) -> None:
    """What speaks for and against these pairs, and how all pairs of their records stand."""
    step.note("alone_replaced", "FROM alone_pairs UNION ALL FROM alone_gone")
    replaced, wanted = in_pairs("alone_replaced"), in_pairs("alone_pairs")
    step.note(
        "alone_ends",
        "SELECT account_no AS record_no FROM alone_replaced "
        "UNION SELECT customer_no FROM alone_replaced",
    )
    ends = among("alone_ends")
    step.replace(
        "int_customers__named",
        replaced,
        step.model("int_customers__named", int_customers__blocked=wanted, int_names__weighed=ends),
    )
    step.note(
        "alone_gone_ids",
        "SELECT org_id, account_id, company_id, customer_id FROM "
        f"intermediate.int_customers__compared WHERE {in_pairs('alone_gone')}",
    )
    step.replace(
        "int_customers__compared",
        replaced,
        step.model(
            "int_customers__compared",
            int_customers__blocked=wanted,
            int_customers__named=wanted,
            int_customers__records=ends,
            int_customers__groups=ends,
        ),
    )
    step.note("alone_beside", _with_partners("int_customers__compared", "alone_ends"))
    step.replace(
        "int_customers__standing",
        f"{end_in('alone_ends')} OR ({in_pairs('alone_gone')})",
        step.model(
            "int_customers__standing",
            end_in("alone_ends"),
            int_customers__compared=end_in("alone_beside"),
        ),
    )
