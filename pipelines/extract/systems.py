"""Both systems as they are read: their readings, their dlt sources and their pipelines.

Before each run the pipeline's local state is dropped and restored from the warehouse, where it
counts only once its load was complete. So a deleted warehouse, a deleted folder, a warehouse
restored from an older copy and a package that a killed run left behind all lead to the right next
question, instead of dlt finishing the old package and leaving out the rows of today.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.specs.aws_credentials import AwsCredentialsWithoutDefaults
from dlt.common.configuration.specs.connection_string_credentials import ConnectionStringCredentials
from dlt.common.storages.configuration import FilesystemConfiguration
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.clients.salesforce import salesforce_client
from pipelines.errors import Stop
from pipelines.extract import results as sizes
from pipelines.extract.alone import own_configuration
from pipelines.extract.destination import one_file
from pipelines.extract.held import holds_nothing, known_ids
from pipelines.extract.history_files import FOLDER
from pipelines.extract.objects import salesforce_objects
from pipelines.extract.quickbooks import CompanyReading, quickbooks_source
from pipelines.extract.results import Progress, Reading, silent
from pipelines.extract.salesforce import SalesforceReading, salesforce_source
from pipelines.extract.salesforce_held import held_in
from pipelines.folders import make_private
from pipelines.lake.address import ALIAS, Bucket, lake_of
from pipelines.settings import SalesforceSettings, Settings

# What DuckDB reads in a file name as something else than the name.
_SPEAKING = frozenset("'*?[]{}")


@dataclass(frozen=True)
class Source:
    """One system into one schema of one warehouse.

    `begin` makes the readings of its orgs or companies, with True such that make now the round that
    is made once a day, and `follow` such that leave what is being walked to others; `as_source`
    makes the dlt source of them.
    """

    name: str
    path: Path
    dataset: str
    begin: Callable[[bool], Sequence[Reading]]
    as_source: Callable[[Sequence[Any]], Any]
    make_pipeline: Callable[[], Any]
    progress: Progress = silent
    follow: Callable[[bool], Sequence[Reading]] = lambda _: ()

    @property
    def history_folder(self) -> Path:
        """Where the history is kept beside the warehouse."""
        return self.path.parent / FOLDER

    @cached_property
    def naming(self) -> Any:
        """How a vendor's names become names of columns; dlt reads its schema anew to tell it."""
        return self.pipeline.default_schema.naming

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline with nothing of earlier runs in it; to be asked for inside `undisturbed`."""
        made = self.make_pipeline()
        made.drop()
        return _loading_in_one_opening(made, self.path)


def sources(
    settings: Settings,
    progress: Progress = silent,
    full: bool = False,
    record: Recorder = unrecorded,
    sweep: bool | None = None,
    passing_by: bool = False,
) -> list[Source]:
    """Both sources, ready to be run; `record` is told of every call. With `full` everything is
    read again; the round that is made once a day is made now with `sweep`. Walks that an earlier
    reading has left are gone on with, unless these are `passing_by`.

    Raises `ConfigurationError` when a system is missing.
    """
    settings.check()
    return [
        _salesforce(settings, progress, full, record, sweep, passing_by),
        _quickbooks(settings, progress, full, record, sweep, passing_by),
    ]


def _salesforce(
    settings: Settings,
    progress: Progress,
    full: bool,
    record: Recorder,
    sweep: bool | None,
    passing_by: bool,
) -> Source:
    objects = salesforce_objects(settings)

    def readings(full: bool, now: bool | None, passing_by: bool) -> Sequence[Reading]:
        return [
            _org(settings, org, objects, progress, full, record, now, passing_by)
            for org in settings.salesforce_orgs
        ]

    return Source(
        "Salesforce",
        settings.warehouse_path,
        warehouse.RAW_SALESFORCE,
        lambda is_round_owed: readings(full, _round(sweep, is_round_owed), passing_by),
        salesforce_source,
        lambda: pipeline(settings, "salesforce", warehouse.RAW_SALESFORCE),
        progress,
        lambda is_round_now: readings(False, is_round_now, True),
    )


def _org(
    settings: Settings,
    org: SalesforceSettings,
    objects: Sequence[str],
    progress: Progress,
    full: bool,
    record: Recorder,
    sweep: bool | None,
    passing_by: bool,
) -> SalesforceReading:
    client = salesforce_client(settings, record, org)
    held = held_in(settings.warehouse_path, client.org_id)
    return SalesforceReading(
        client, objects, full, progress, held, sweep, sizes.SLICE_ROWS, passing_by=passing_by
    )


def _quickbooks(
    settings: Settings,
    progress: Progress,
    full: bool,
    record: Recorder,
    sweep: bool | None,
    passing_by: bool,
) -> Source:
    def readings(full: bool, now: bool | None, passing_by: bool) -> Sequence[Reading]:
        known, is_new = known_ids(settings.warehouse_path), holds_nothing(settings.warehouse_path)
        clients = [
            quickbooks_client(settings, company.realm_id, record)
            for company in settings.quickbooks.companies
        ]
        return [CompanyReading(c, known, full, progress, now, is_new, passing_by) for c in clients]

    return Source(
        "QuickBooks",
        settings.warehouse_path,
        warehouse.RAW_QUICKBOOKS,
        lambda is_round_owed: readings(full, _round(sweep, is_round_owed), passing_by),
        quickbooks_source,
        lambda: pipeline(settings, "quickbooks", warehouse.RAW_QUICKBOOKS),
        progress,
        lambda is_round_now: readings(False, is_round_now, True),
    )


def _round(sweep: bool | None, is_owed: bool) -> bool | None:
    """Whether the daily round is made; an owed one is, unless somebody said otherwise."""
    return True if sweep is None and is_owed else sweep


def pipeline(settings: Settings, name: str, dataset: str) -> Any:
    """The dlt pipeline of one system, with its files in the data folder and no telemetry."""
    make_private(settings.warehouse_path.parent)
    with own_configuration():
        return dlt.pipeline(
            f"crossfoot_{name}",
            destination=destination(settings.warehouse_path),
            dataset_name=dataset,
            pipelines_dir=str(_working_folder(settings.data_dir)),
        )


def destination(path: Path) -> Any:
    """Where dlt loads to: the warehouse's file, or its lake.

    Each pipeline loads through a staging dataset of its own, `raw_salesforce_staging` and
    `raw_quickbooks_staging`: two that shared one would empty it under each other.
    """
    lake = lake_of(path)
    if lake is None:
        return one_file(path)
    catalogue = ConnectionStringCredentials(lake.catalogue)
    files = FilesystemConfiguration(bucket_url=lake.data)
    if lake.bucket:
        files.credentials = _credentials(lake.bucket)
    return dlt.destinations.ducklake(DuckLakeCredentials(ALIAS, lake.schema, catalogue, files))


def _credentials(bucket: Bucket) -> AwsCredentialsWithoutDefaults:
    """An object store's, as dlt takes them: those of the settings, and none that it finds."""
    told = AwsCredentialsWithoutDefaults(
        aws_access_key_id=bucket.key_id,
        aws_secret_access_key=bucket.secret.reveal(),
        region_name=bucket.region,
    )
    if bucket.endpoint:
        told.endpoint_url, told.s3_url_style = bucket.endpoint, "path"
    return told


def _loading_in_one_opening(pipeline: Any, path: Path) -> Any:
    """The pipeline, keeping the warehouse open while it loads, when everything was read from the
    vendor: dlt opens it for every file and for every step in between."""
    load = pipeline.load

    def load_at_once(*given: Any, **named: Any) -> Any:
        # A package whose commit met another's stays, and goes on where it was.
        with warehouse.kept_open(path):
            return warehouse.again_on_conflict(lambda: _translated(path, load, given, named))

    pipeline.load = load_at_once
    return pipeline


def _translated(path: Path, load: Callable[..., Any], given: Any, named: Any) -> Any:
    """A load, with the conflict of two commits told as such out of dlt's wrapping."""
    try:
        return load(*given, **named)
    except Exception as problem:
        told = warehouse.explained(path, problem)
        if isinstance(told, warehouse.CommittedFirst):
            raise told from problem
        raise


def _working_folder(data_dir: Path) -> Path:
    """Where dlt keeps the rows under way: in the data folder, if its path can stand in SQL.

    dlt writes file names into its statements as they are, where DuckDB takes a quotation mark for
    their end and brackets for a pattern. Nothing in the folder outlives a run (see above).
    Raises `Stop` when somebody else owns the place that is used instead.
    """
    folder = data_dir / "dlt"
    if not set(str(folder)) & _SPEAKING:
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    other = Path(tempfile.gettempdir()) / f"crossfoot-{os.getuid()}-{name}"
    other.mkdir(mode=0o700, exist_ok=True)
    if other.is_symlink() or other.stat().st_uid != os.getuid():
        raise Stop("extraction", str(other), "it belongs to somebody else", "Remove it, run again.")
    return other
