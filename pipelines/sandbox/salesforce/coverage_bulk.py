"""Operation by operation: both Bulk APIs. How rows work: `pipelines.sandbox.coverage`."""

from __future__ import annotations

from pipelines.sandbox.coverage import NOT_SERVED, REFUSED, Areas, Call, Operation

_ROOT = "/services/data/v{version}/"
_QUERY_JOBS, _INGEST_JOBS = _ROOT + "jobs/query", _ROOT + "jobs/ingest"
_BULK_QUERY = {"operation": "query", "query": "SELECT Id FROM Account"}
_BULK_INSERT = {"operation": "insert", "object": "Account"}
_COMPLETE = {"state": "UploadComplete"}
_CSV = {"Content-Type": "text/csv"}
_ASKED = Call("POST", _QUERY_JOBS, _BULK_QUERY)
_OPENED = Call("POST", _INGEST_JOBS, _BULK_INSERT)
_FILLED = Call("PUT", _INGEST_JOBS + "/{0.id}/batches", "Name\nCovered\n", _CSV)
_CLOSED = Call("PATCH", _INGEST_JOBS + "/{0.id}", _COMPLETE)
_CLASSIC = "/services/async/{version}/job"
_CLASSIC_JOB = {"operation": "insert", "object": "Account", "contentType": "JSON"}
_SESSION = {"X-SFDC-Session": "{access_token}"}
_CLASSIC_OPENED = Call("POST", _CLASSIC, _CLASSIC_JOB, _SESSION)
_CLASSIC_FILLED = Call("POST", _CLASSIC + "/{0.id}/batch", [{"Name": "Covered"}], _SESSION)


OPERATIONS: Areas = {
    "Bulk API 2.0": (
        Operation(
            "Create a query job", "POST", _QUERY_JOBS, body=_BULK_QUERY, says="UploadComplete"
        ),
        Operation(
            "A query job's state",
            "GET",
            _QUERY_JOBS + "/{0.id}",
            before=(_ASKED,),
            says="JobComplete",
        ),
        Operation(
            "Results in pages",
            "GET",
            _QUERY_JOBS + "/{0.id}/results?maxRecords=1",
            before=(_ASKED,),
            says='"Id"',
        ),
        Operation(
            "Result pages side by side",
            "GET",
            _QUERY_JOBS + "/{0.id}/resultPages",
            before=(_ASKED,),
            says="resultUrl",
        ),
        Operation(
            "Abort a query job",
            "PATCH",
            _QUERY_JOBS + "/{0.id}",
            before=(_ASKED,),
            body={"state": "Aborted"},
            says="Aborted",
        ),
        Operation("Delete a query job", "DELETE", _QUERY_JOBS + "/{0.id}", before=(_ASKED,)),
        Operation("List query jobs", "GET", _QUERY_JOBS, says="records"),
        Operation(
            "Aggregates in bulk",
            "POST",
            _QUERY_JOBS,
            REFUSED,
            says="API_ERROR",
            body={"operation": "query", "query": "SELECT COUNT() FROM Account"},
        ),
        Operation(
            "Create an ingest job",
            "POST",
            _INGEST_JOBS,
            body=_BULK_INSERT,
            says="contentUrl",
            note="insert, update, upsert, delete, hardDelete",
        ),
        Operation(
            "Upload its rows",
            "PUT",
            _INGEST_JOBS + "/{0.id}/batches",
            body="Name\nCovered\n",
            headers=_CSV,
            before=(_OPENED,),
        ),
        Operation(
            "Close it",
            "PATCH",
            _INGEST_JOBS + "/{0.id}",
            body=_COMPLETE,
            before=(_OPENED, _FILLED),
            says="UploadComplete",
        ),
        Operation(
            "Abort an ingest job",
            "PATCH",
            _INGEST_JOBS + "/{0.id}",
            body={"state": "Aborted"},
            before=(_OPENED,),
            says="Aborted",
        ),
        Operation(
            "Its state",
            "GET",
            _INGEST_JOBS + "/{0.id}",
            before=(_OPENED, _FILLED, _CLOSED),
            says="JobComplete",
        ),
        Operation(
            "Successful rows",
            "GET",
            _INGEST_JOBS + "/{0.id}/successfulResults",
            before=(_OPENED, _FILLED, _CLOSED),
            says="sf__Id",
        ),
        Operation(
            "Failed rows",
            "GET",
            _INGEST_JOBS + "/{0.id}/failedResults",
            before=(_OPENED, _FILLED, _CLOSED),
            says="sf__Error",
        ),
        Operation(
            "Unprocessed rows",
            "GET",
            _INGEST_JOBS + "/{0.id}/unprocessedrecords",
            before=(_OPENED, _FILLED, _CLOSED),
        ),
        Operation(
            "Delete an open job",
            "DELETE",
            _INGEST_JOBS + "/{0.id}",
            REFUSED,
            before=(_OPENED,),
            says="INVALIDJOBSTATE",
        ),
        Operation("List ingest jobs", "GET", _INGEST_JOBS, says="records"),
    ),
    "Bulk API 1.0": (
        Operation(
            "Create a job",
            "POST",
            _CLASSIC,
            body=_CLASSIC_JOB,
            headers=_SESSION,
            says="Open",
            note="JSON, CSV and XML; ZIP content is not served",
        ),
        Operation(
            "Add a batch",
            "POST",
            _CLASSIC + "/{0.id}/batch",
            body=[{"Name": "Covered"}],
            headers=_SESSION,
            before=(_CLASSIC_OPENED,),
            says="Queued",
        ),
        Operation(
            "A batch's state",
            "GET",
            _CLASSIC + "/{0.id}/batch/{1.id}",
            headers=_SESSION,
            before=(_CLASSIC_OPENED, _CLASSIC_FILLED),
            says="Completed",
        ),
        Operation(
            "A batch's results",
            "GET",
            _CLASSIC + "/{0.id}/batch/{1.id}/result",
            headers=_SESSION,
            before=(_CLASSIC_OPENED, _CLASSIC_FILLED),
            says="success",
        ),
        Operation(
            "Close a job",
            "POST",
            _CLASSIC + "/{0.id}",
            body={"state": "Closed"},
            headers=_SESSION,
            before=(_CLASSIC_OPENED,),
            says="Closed",
        ),
        Operation(
            "Unknown job",
            "GET",
            _CLASSIC + "/750Hs0000000000AAA",
            REFUSED,
            headers=_SESSION,
            says="InvalidJob",
        ),
        Operation(
            "Call without a session",
            "GET",
            _CLASSIC + "/750Hs0000000000AAA",
            REFUSED,
            says="InvalidSessionId",
        ),
        Operation(
            "ZIP content",
            "POST",
            _CLASSIC,
            NOT_SERVED,
            headers=_SESSION,
            says="InvalidJob",
            body={**_CLASSIC_JOB, "contentType": "ZIP_CSV"},
        ),
    ),
}
