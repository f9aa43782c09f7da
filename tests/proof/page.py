"""Writes PROOF.md: what is proven, how, and the figures of the newest soak.

    python tests/proof/page.py < figures.json

`make soak MINUTES=30` calls it with its figures; without any it keeps those of last time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from mutations import MUTATIONS as MUTATIONS_OF_CODE
from protocol import ALL, NAMES
from protocol_guards import FORGETFUL, NEEDS, STORED, walk, without

HERE = Path(__file__).resolve().parent
PAGE, FIGURES, MUTATIONS = HERE / "PROOF.md", HERE / "soak.json", HERE / "mutations.json"
EXPLORED = HERE / "explored.json"
WALKS = 100
MEANING = {
    "intent_first": "the intent is durable before the request leaves",
    "request_id": "the vendor gets a request id that follows from the key",
    "look": "a write in doubt is looked for before it is sent again",
    "wait": "not found proves nothing while what was made may be hidden",
    "lease": "one writer at a time",
    "prompt": "a request leaves soon after its look and intent, or not at all",
    "hold": "a ledger that may have forgotten sends nothing new",
    "margin": "… until the data are newer than all that it could miss",
    "by_mark_alone": "a look asks for the mark alone, whoever the customer is by now",
    "stored_bytes": "a write in doubt is repeated with its stored bytes",
    "generation": "a second document that a person allowed has a key of its own",
    "doubt_refusals": "the refusal of a repeat settles nothing while the first may be hidden",
    "judged_reopening": "a reopening waits until the warehouse knows what it replaces",
}


def main() -> None:
    if not sys.stdin.isatty() and (given := sys.stdin.read().strip()):
        FIGURES.write_text(json.dumps({"commit": _commit(), **json.loads(given)}, indent=1) + "\n")
    PAGE.write_text("\n".join(_lines()) + "\n")


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from _soak(json.loads(FIGURES.read_text()))
    yield MODEL
    yield from _worlds(json.loads(EXPLORED.read_text()))
    yield from _guards()
    yield from _mutations(json.loads(MUTATIONS.read_text()) if MUTATIONS.exists() else {})
    yield LIMITS


def _soak(told: Mapping[str, Any]) -> Iterator[str]:
    writing, reading = told["writing"], told.get("reading")
    yield (
        f"## The newest soak\n\nAt {told['commit']}: writing for {writing['minutes']:g} minutes "
        f"from seed {writing['seed']}"
        + (f", reading for {reading['minutes']:g}." if reading else ".")
        + " `make soak MINUTES=30` repeats it with new seeds, `SOAK_SEED=… make soak` with this "
        "one.\n"
    )
    yield "| | writing | reading |\n|---|---|---|"
    rows = (
        ("histories, readings", writing["runs"], reading["runs"] if reading else "not run"),
        (
            "faults that struck",
            sum(writing["faults"].values()),
            sum(reading["faults"].values()) if reading else "",
        ),
        ("processes killed", writing["kills"], ""),
        ("restarts", writing["restarts"], ""),
        ("states lost", writing["states_lost"], ""),
        ("second applies turned away", writing["met"], ""),
        ("**duplicates**", f"**{writing['duplicates']}**", ""),
        (
            "**lost** (documents; rows)",
            f"**{writing['lost']}**",
            f"**{reading['fewer_rows']}**" if reading else "",
        ),
        (
            "**unexplained**",
            f"**{writing['unexplained']}**",
            f"**{reading['red_without_reason']}**" if reading else "",
        ),
    )
    for name, ours, theirs in rows:
        yield f"| {name} | {ours} | {theirs} |"
    kinds = ", ".join(f"{name} {number}" for name, number in writing["faults"].items())
    yield f"\nFaults by kind (writing): {kinds}."
    model = told.get("model")
    if model:
        yield (
            f"\nThe protocol's model meanwhile: {model['runs']:,} seeded histories of six "
            f"deals and two writers from seed {model['seed']}, {len(model['bad'])} of them bad."
        )
    matrix = told.get("matrix")
    if matrix:
        ended = "not all ended well" if matrix["failed"] else "all ended well"
        yield (
            f"\nBefore that, {matrix['histories']} histories of all flows and of taking back: "
            f"{matrix['kills']} processes killed at every fail point and around every single "
            f"request, {matrix['lost_calls']} lines broken before or after each request, in "
            f"{matrix['seconds']} seconds: {ended}."
        )
    yield ""


def _worlds(found: list[dict[str, Any]]) -> Iterator[str]:
    """Both vendors of a world in one line."""
    yield (
        "| Deals | Writers | Faults | Acts of people | States, by the vendor "
        "| Seconds of a core | Broken promises |"
    )
    yield "|---|---|---|---|---|---|---|"
    for honest, forgetful in zip(found[::2], found[1::2], strict=True):
        size = " | ".join(str(honest[name]) for name in ("deals", "writers", "faults", "acts"))
        states = f"{honest['states']:,} and {forgetful['states']:,}"
        bad = honest["bad"] or forgetful["bad"] or "none"
        seconds = " and ".join(f"{t['seconds']:g}" for t in (honest, forgetful) if "seconds" in t)
        yield f"| {size} | {states} | {seconds} | {bad} |"
    yield (
        "\nWithout one precaution the same search finds the shortest way to harm; `bad histories` "
        "are seeded ones of six deals and two writers (for the vendor that remembers, and for the "
        "forgetful one).\n"
    )


def _guards() -> Iterator[str]:
    ways = json.loads(STORED.read_text())
    yield "| Precaution | Its absence, at worst | steps to the harm | bad histories of 100 |"
    yield "|---|---|---|---|"
    whole = sum(bool(walk(seed, ALL)) for seed in range(WALKS))
    hidden = sum(bool(walk(seed, ALL, vendor=FORGETFUL)) for seed in range(WALKS))
    yield f"| all of them | nothing | | **{whole}** and **{hidden}** |"
    for name in NAMES:
        vendor = NEEDS[name][1]
        bad = sum(bool(walk(seed, without(name), vendor=vendor)) for seed in range(WALKS))
        harm, path = ways[name]["harm"], ways[name]["path"]
        yield f"| {MEANING[name]} (`{name}`) | {harm} | {len(path)} | {bad} |"
    yield "\nThe shortest way to two invoices without the look that has to be fresh (`prompt`):\n"
    for number, step in enumerate(ways["prompt"]["path"], 1):
        yield f"{number}. {step}"
    yield ""


def _mutations(found: Mapping[str, Any]) -> Iterator[str]:
    if not found:
        return
    yield (
        "## Each guard of the code, removed once\n\n`python tests/proof/mutations.py` takes one "
        "guard out of a copy of the code at a time and runs the tests that should notice. Tried so "
        f"far: {len(found)} of {len(MUTATIONS_OF_CODE)}.\n\n"
        "| Guard | Where | Caught by |\n|---|---|---|"
    )
    for name, told in found.items():
        yield f"| {name} | `{told['file']}` | {told['caught'] or '**nothing**'} |"
    yield ""


INTRODUCTION = """\
# It cannot bill twice: the proof

Generated by `tests/proof/page.py` from a soak; do not edit. The claim: *at most one live document
for each plan step; every document is explained by the ledger or by a person; nothing that was
planned is forgotten.* Six layers, each of which can be checked by itself:

| Layer | Where | What it shows |
|---|---|---|
| a model of the protocol | `tests/proof/protocol.py` | no reachable state breaks a promise |
| the same decisions in the code | `tests/proof/test_protocol.py` | the model is of this code |
| a process killed at every commit and around every request | \
`tests/journeys/test_writes_killed.py` | the code holds what the model says |
| every fault at every endpoint of writing | `tests/journeys/test_no_failure_destroys.py` | no \
failing answer leads to a deletion, a void or a second record |
| every flow after another company was configured | `tests/journeys/test_wrong_company.py` | \
nothing is written elsewhere |
| histories with every fault of the sandbox | `make soak MINUTES=30` | so does all of it together |
"""

MODEL = """\
## The model

```
(nothing) ──intend──► open ──answered──► done                  durable: ledger entry, lease
                       │ ▲               refused                (one commit each, fsync)
                       │ └─intend again (stored bytes)─┐        durable at the vendor: documents,
                       └──no answer──► unknown ────────┤        request ids (for a while)
                                          │ look: found ► done  gone with a process: its plan,
                                          └ look: not there,    what it looked up
                                            not asked for ► withdrawn
```

A writer takes the lease, plans, settles what is in doubt (look; then adopt, repeat or wait), and
for each change: intent, request, outcome. Anything may happen in between: it is killed, sleeps till
another took its lease, the request or the reply is lost or under way for minutes or delivered
twice, the vendor refuses, forgets request ids, shows what it made minutes later; people edit the
deal, delete the document, give it to another customer, allow a second one; ledger or warehouse are
lost. `tests/proof/whole.py` visits every state that this leads to, breadth first, and from each
quiet one lets calm days come to see that nothing is forgotten. Two vendors are assumed: one that
remembers a request id for longer than its documents stay hidden, and one that remembers none.
Salesforce is of the second kind: a task or a mail in doubt is repeated only once a look would have
found it.
"""

LIMITS = """\
## What is assumed

- What a request made is shown by queries within three minutes of its sending, or its request id is
  remembered for ten (`reverse_etl/patience.py`; no vendor publishes either).
- The state database keeps what it has committed. A copy of it that was put back by hand, not by
  `crossfoot state restore`, is noticed only if the warehouse's copy of the ledger knows more.
- Clocks of this machine and of the vendor differ by less than two minutes.
- A person who allows a second document means it; the model has no person who bills by hand.
"""

if __name__ == "__main__":
    main()
