"""dlt's verified Salesforce source, as the package ingestr carries it, into a DuckDB file.

Run by a Python of its own: `dlt_salesforce.py USER PASSWORD TOKEN FILE RESOURCE ...`. The package
names the primary key `id`, which no record has; it is named as the records spell it.
"""

from __future__ import annotations

import sys

import dlt
from ingestr.src.salesforce import salesforce_source


def main() -> None:
    user, password, token, path, *resources = sys.argv[1:]
    source = salesforce_source(user, password, token, "login").with_resources(*resources)
    for resource in source.selected_resources.values():
        resource.apply_hints(primary_key="Id")
    pipeline = dlt.pipeline("peer", destination=dlt.destinations.duckdb(path), dataset_name="peer")
    pipeline.run(source)


if __name__ == "__main__":
    main()
