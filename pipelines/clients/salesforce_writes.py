"""Writes to one Salesforce org: collections, graphs and the mail action. None is ever repeated.

A collection takes up to 200 records, each accepted or refused for itself (REST API Developer Guide,
"sObject Collections"). A graph is written whole or not at all, and several go in one call, which
counts once ("Composite Graph": 75 graphs, 500 nodes together).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import simplejson

from pipelines.clients import salesforce_deploy
from pipelines.clients.salesforce_replies import SYSTEM, RowReply, graph_reply, row_reply
from pipelines.clients.salesforce_soql import object_id, record_id
from pipelines.clients.transport import Patience, lost_reply

T = TypeVar("T")
COLLECTION_LIMIT = 200
COLLECTIONS = 5
UPDATE_LIMIT = COLLECTION_LIMIT * COLLECTIONS
GRAPH_LIMIT = 75
NODE_LIMIT = 500


@dataclass(frozen=True)
class Node:
    """One write of a graph: POST without `record_id`, PATCH or DELETE with one. Values may refer to
    earlier nodes, as `@{deal.id}`."""

    name: str
    method: str
    object_name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    record_id: str = ""


class SalesforceWrites:
    """The writing half of a client; the reading half signs the calls."""

    _patience: Patience

    @abstractmethod
    def _org(self) -> Any: ...

    @abstractmethod
    def _signed(self, call: Callable[[], T]) -> T: ...

    @abstractmethod
    def _restful(self, path: str, **kwargs: Any) -> Any: ...

    @abstractmethod
    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any: ...

    @abstractmethod
    def _root(self) -> str:
        """The path of the version root, such as /services/data/v62.0."""

    def update_many(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[RowReply]:
        """Change up to 1,000 records, each with `Id`, in one call; one answer per record, in order.

        Up to 200 are a collection, more are a composite of collections, which counts as one call
        (REST API Developer Guide, "Composite": 25 parts, 5 of them collections). A refused record
        does not concern the others. Raises `ReplyLost` when the outcome of all is unknown;
        ValueError for more than 1,000 records or one without Id.
        """
        if any(not r.get("Id") for r in records):
            raise ValueError("an update needs the Id of each record")
        if len(records) <= COLLECTION_LIMIT:
            return self._collection("composite/sobjects", object_name, records)
        return self._collections(object_name, records)

    def create_many(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[RowReply]:
        """Create up to 200 records in one call; one answer per record, in order, each for itself.

        Raises `ReplyLost` when the outcome of all is unknown; ValueError for one with an Id.
        """
        if any(r.get("Id") for r in records):
            raise ValueError("a new record has no Id")
        return self._collection("composite/sobjects", object_name, records, method="POST")

    def upsert_many(
        self, object_name: str, external_id: str, records: Sequence[Mapping[str, Any]]
    ) -> list[RowReply]:
        """Create or change up to 200 records by an external id field that each must carry.

        Two records with one key would both be refused by Salesforce, so that is a ValueError.
        """
        keys = [str(r.get(external_id) or "").casefold() for r in records]
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError(f"each record needs its own {external_id}")
        path = f"composite/sobjects/{object_id(object_name)}/{object_id(external_id)}"
        return self._collection(path, object_name, records)

    def write_graphs(self, graphs: Sequence[Sequence[Node]]) -> list[RowReply]:
        """Write each graph whole or not at all; one answer per graph, in order, with the id of its
        first node's record or the refusal of the node that failed.

        Raises `ReplyLost` when the outcome of all is unknown; ValueError for more than 75 graphs or
        500 nodes.
        """
        if len(graphs) > GRAPH_LIMIT or sum(map(len, graphs)) > NODE_LIMIT:
            raise ValueError(f"at most {GRAPH_LIMIT} graphs with {NODE_LIMIT} nodes in one call")
        if not graphs:
            return []
        body = {
            "graphs": [
                {"graphId": str(at), "compositeRequest": [self._node(n) for n in nodes]}
                for at, nodes in enumerate(graphs)
            ]
        }
        answer = self._posted("composite/graph", body)
        found = answer.get("graphs") if isinstance(answer, dict) else None
        if not isinstance(found, list) or len(found) != len(graphs):
            raise lost_reply(SYSTEM, "graphs", "the answer does not cover every graph")
        by_id = {str(graph.get("graphId")): graph for graph in found}
        return [graph_reply(by_id[str(at)], nodes[0].record_id) for at, nodes in enumerate(graphs)]

    def change(
        self,
        method: Literal["POST", "PATCH", "DELETE"],
        path: str,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """One write below the version root; None where the answer is empty.

        Raises `Refused` with the vendor's words, `ReplyLost` when the outcome is unknown.
        """
        return self._posted(path, body, method)

    def deploy(self, package: bytes, what: str) -> None:
        """Deploy a package of metadata and wait until the org is through with it.

        Raises `Refused` with the vendor's words, `Unavailable` when it takes too long, `ReplyLost`
        when nobody knows whether the org took it.
        """
        body, kind = salesforce_deploy.form(package)
        self._patience.insist(self._org)
        answer = self._signed(
            lambda: self._restful(
                "metadata/deployRequest", method="POST", data=body, headers={"Content-Type": kind}
            )
        )
        if not isinstance(answer, dict) or not answer.get("id"):
            raise lost_reply(SYSTEM, what, "the answer does not name the deployment")
        path = f"metadata/deployRequest/{record_id(str(answer['id']))}"
        salesforce_deploy.settled(lambda: self.get(path, params={"includeDetails": "true"}), what)

    def send_mail(self, mail: Mapping[str, Any]) -> None:
        """Send one mail by the standard action emailSimple (Actions Developer Guide, "Send Email
        Actions"). One a call: where one of several is refused, the answer is a refusal although
        the others have left.

        Raises `Refused` with the vendor's words, `ReplyLost` when nobody knows whether it left.
        """
        answer = self._posted("actions/standard/emailSimple", {"inputs": [dict(mail)]})
        if not isinstance(answer, list) or len(answer) != 1 or not answer[0].get("isSuccess"):
            raise lost_reply(SYSTEM, "emailSimple", "the answer does not say that it was sent")

    def _node(self, node: Node) -> dict[str, Any]:
        path = f"{self._root()}/sobjects/{object_id(node.object_name)}"
        wire: dict[str, Any] = {"method": node.method, "referenceId": node.name, "url": path}
        if node.record_id:
            wire["url"] = f"{path}/{record_id(node.record_id)}"
        return wire if node.method == "DELETE" else {**wire, "body": dict(node.values)}

    def _collection(
        self,
        path: str,
        object_name: str,
        records: Sequence[Mapping[str, Any]],
        method: str = "PATCH",
    ) -> list[RowReply]:
        if len(records) > COLLECTION_LIMIT:
            raise ValueError(f"a collection call takes at most {COLLECTION_LIMIT} records")
        if not records:
            return []
        kind = {"type": object_id(object_name)}
        body = {"allOrNone": False, "records": [{"attributes": kind, **r} for r in records]}
        answer = self._posted(path, body, method)
        if not isinstance(answer, list) or len(answer) != len(records):
            raise lost_reply(SYSTEM, object_name, "the answer does not cover every record")
        return [row_reply(row) for row in answer]

    def _collections(
        self, object_name: str, records: Sequence[Mapping[str, Any]]
    ) -> list[RowReply]:
        if len(records) > UPDATE_LIMIT:
            raise ValueError(f"at most {UPDATE_LIMIT} records are changed in one call")
        cut = [records[n : n + COLLECTION_LIMIT] for n in range(0, len(records), COLLECTION_LIMIT)]
        kind = {"type": object_id(object_name)}
        parts = [
            {
                "method": "PATCH",
                "url": f"{self._root()}/composite/sobjects",
                "referenceId": f"part{at}",
                "body": {"allOrNone": False, "records": [{"attributes": kind, **r} for r in own]},
            }
            for at, own in enumerate(cut)
        ]
        answer = self._posted("composite", {"allOrNone": False, "compositeRequest": parts})
        found = answer.get("compositeResponse") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise lost_reply(SYSTEM, object_name, "the answer is not that of a composite")
        by_name = {str(part.get("referenceId")): part for part in found}
        return [
            reply
            for at, own in enumerate(cut)
            for reply in _rows(by_name.get(f"part{at}"), object_name, len(own))
        ]

    def _posted(self, path: str, body: Mapping[str, Any] | None, method: str = "POST") -> Any:
        text = None if body is None else simplejson.dumps(body, use_decimal=True)
        self._patience.insist(self._org)
        return self._signed(lambda: self._restful(path, method=method, data=text))


def _rows(part: Mapping[str, Any] | None, object_name: str, count: int) -> list[RowReply]:
    """The answers of one collection of several: one per record, or its refusal for each of them."""
    body = part.get("body") if part else None
    if part is None or not isinstance(body, list):
        raise lost_reply(SYSTEM, object_name, "the answer leaves records out")
    if int(part.get("httpStatusCode", 500)) >= 400:
        error = body[0] if body and isinstance(body[0], Mapping) else {}
        words = str(error.get("message", ""))
        return [RowReply(False, None, str(error.get("errorCode", "")), words)] * count
    if len(body) != count:
        raise lost_reply(SYSTEM, object_name, "the answer leaves records out")
    return [row_reply(row) for row in body]
