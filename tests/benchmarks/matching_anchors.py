"""Well-known ways to match two files, to measure ours beside: each a process of its own.

`python -m tests.benchmarks.matching_anchors NAME FOLDER OUT.csv` reads accounts.csv and
customers.csv of FOLDER and writes left_id,right_id,probability,decision. These know no link and no
review; only their score is compared.
"""

from __future__ import annotations

import csv
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS, read_records

Scored = tuple[str, str, float]
Row = Mapping[str, str]
Anchor = Callable[[Sequence[Row], Sequence[Row]], Iterator[Scored]]

_FORMS = {
    "inc", "incorporated", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "plc",
    "lp", "llp", "pc", "gmbh", "ag", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "ab", "as",
    "oy", "oyj", "kk", "pty", "pvt", "lda", "the",
}  # fmt: skip
_FREE = {
    "gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "aol.com", "icloud.com", "live.com",
    "msn.com", "comcast.net", "att.net", "gmx.de", "web.de", "qq.com", "163.com",
}  # fmt: skip


def plain(name: str) -> str:
    """Lower case, no accents, no punctuation, no legal form."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", folded.replace("&", " and ").replace(".", ""))
    return " ".join(word for word in words if word not in _FORMS) or " ".join(words)


def exact_name(left: Sequence[Row], right: Sequence[Row]) -> Iterator[Scored]:
    by_name = defaultdict(list)
    for row in right:
        by_name[plain(row["name"])].append(row["id"])
    for row in left:
        for other in by_name.get(plain(row["name"]), ()):
            yield row["id"], other, 1.0


def token_set(left: Sequence[Row], right: Sequence[Row]) -> Iterator[Scored]:
    """rapidfuzz's token set ratio of every name with every other."""
    import numpy
    from rapidfuzz import fuzz, process

    names = [plain(row["name"]) for row in right]
    for start in range(0, len(left), 500):
        part = left[start : start + 500]
        ratios = process.cdist(
            [plain(row["name"]) for row in part],
            names,
            scorer=fuzz.token_set_ratio,
            score_cutoff=70,
            dtype=numpy.float32,
            workers=-1,
        )
        for at, beside in zip(*numpy.nonzero(ratios), strict=True):
            yield part[at]["id"], right[beside]["id"], float(ratios[at, beside]) / 100


def n_grams(left: Sequence[Row], right: Sequence[Row]) -> Iterator[Scored]:
    """Cosine of character 3-grams weighed by rarity, the ten nearest of each name."""
    import numpy

    columns: dict[str, int] = {}
    texts = [[plain(row["name"]) for row in side] for side in (left, right)]
    holders = Counter(gram for side in texts for text in side for gram in set(_grams(text)))
    total = len(left) + len(right)
    ours, theirs = (_weighed(side, columns, holders, total) for side in texts)
    ours.resize((len(left), len(columns)))
    theirs.resize((len(right), len(columns)))
    turned = theirs.T.tocsr()
    for start in range(0, len(left), 200):
        part = (ours[start : start + 200] @ turned).tocsr()
        for row in range(part.shape[0]):
            begin, end = part.indptr[row], part.indptr[row + 1]
            values, places = part.data[begin:end], part.indices[begin:end]
            for at in numpy.argsort(-values, kind="stable")[:10]:
                if values[at] >= 0.3:
                    yield left[start + row]["id"], right[places[at]]["id"], float(values[at])


def _grams(text: str) -> list[str]:
    padded = f" {text} "
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


def _weighed(
    texts: Sequence[str], columns: dict[str, int], holders: Mapping[str, int], total: int
) -> Any:
    """A sparse matrix of unit rows: one row a text, one column a 3-gram."""
    import numpy
    from scipy import sparse

    data: list[float] = []
    places: list[int] = []
    ends = [0]
    for text in texts:
        weights = {
            columns.setdefault(gram, len(columns)): count * numpy.log(total / holders[gram])
            for gram, count in Counter(_grams(text)).items()
        }
        length = sum(weight**2 for weight in weights.values()) ** 0.5 or 1.0
        data.extend(weight / length for weight in weights.values())
        places.extend(weights)
        ends.append(len(data))
    return sparse.csr_matrix(
        (numpy.array(data, dtype=numpy.float32), places, ends), shape=(len(texts), len(columns))
    )


def splink(left: Sequence[Row], right: Sequence[Row]) -> Iterator[Scored]:
    """Splink as its documentation shows it: comparisons with term frequencies, trained by EM."""
    import pandas
    import splink.comparison_library as comparisons
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    def told(column: str) -> Any:
        return comparisons.ExactMatch(column).configure(term_frequency_adjustments=True)

    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="id",
        comparisons=[
            comparisons.JaroWinklerAtThresholds("name", [0.95, 0.88, 0.75]).configure(
                term_frequency_adjustments=True
            ),
            *map(told, ("domain", "email", "phone", "postcode", "city")),
            comparisons.LevenshteinAtThresholds("street", 3),
        ],
        blocking_rules_to_generate_predictions=[
            *map(block_on, ("name", "email", "domain", "phone")),
            block_on("postcode", "street"),
            block_on("begin", "city"),
        ],
        retain_matching_columns=False,
    )
    database = DuckDBAPI()
    told_rows = [[_splink_row(row) for row in side] for side in (left, right)]
    sides = [
        database.register(pandas.DataFrame(side), dataset_display_name=name)
        for name, side in zip(("account", "customer"), told_rows, strict=True)
    ]
    linker = Linker(sides, settings, log_level=40)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("name", "city")], recall=0.6
    )
    training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for column in ("name", "email", "phone"):
        if all(any(row[column] for row in side) for side in told_rows):
            training.estimate_parameters_using_expectation_maximisation(block_on(column))
    found = linker.inference.predict(threshold_match_probability=0.01, warning_mode="never")
    for row in found.as_record_list():
        one, other = row["id_l"], row["id_r"]
        if row["source_dataset_l"] != "account":
            one, other = other, one
        yield one, other, row["match_probability"]


def _splink_row(row: Row) -> dict[str, str | None]:
    name = plain(row["name"])
    email = re.split(r"[;,]", row.get("email", "").lower())[0].strip()
    site = re.sub(r"^(https?://)?(www\.)?|/.*$", "", row.get("website", "").lower())
    domain = site or email.rpartition("@")[2]
    digits = re.sub(r"\D", "", re.split(r"\s*(?:x|ext)", row.get("phone", "").lower())[0])
    told = {
        "name": name,
        "begin": name[:4],
        "email": email,
        "domain": "" if domain in _FREE else domain,
        "phone": digits[-10:],
        "street": plain(row.get("street", "")),
        "city": plain(row.get("city", "")),
        "postcode": row.get("postcode", "").replace(" ", "")[:5].upper(),
    }
    return {"id": row["id"], **{key: text or None for key, text in told.items()}}


ANCHORS: Mapping[str, Anchor] = {
    "exact name": exact_name,
    "token set": token_set,
    "n-grams": n_grams,
    "splink": splink,
}
# Beyond this many records a side an anchor is not run: it compares all with all.
LARGEST = {"exact name": 1_000_000, "token set": 10_000, "n-grams": 100_000, "splink": 1_000_000}


def main() -> None:
    name, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    left = read_records(folder / "accounts.csv", ACCOUNT_FIELDS).table.to_pylist()
    right = read_records(folder / "customers.csv", CUSTOMER_FIELDS).table.to_pylist()
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("left_id", "right_id", "probability", "decision"))
        for one, other, score in ANCHORS[name](left, right):
            writer.writerow((one, other, f"{score:.9f}", "no"))


if __name__ == "__main__":
    main()
