"""`/tabs` and `/theme`: what the vendor's pages show of the objects, without any page behind it."""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.describing import entry
from pipelines.sandbox.salesforce.org import Org


def tabs(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /tabs: one for each object that has pages."""
    only(call, "GET", "HEAD")
    if rest:
        raise refusals.not_found()
    shown = [o for o in org.catalogue.objects.values() if entry(o, call.root)["mruEnabled"]]
    return Answer(
        200,
        [
            {
                "colors": [],
                "custom": o.custom,
                "iconUrl": "",
                "icons": [],
                "label": o.plural,
                "miniIconUrl": "",
                "name": f"standard-{o.name}" if not o.custom else o.name,
                "sobjectName": o.name,
                "timeZone": None,
                "url": f"{call.base}/{o.prefix}/o",
            }
            for o in shown
        ],
    )


def theme(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /theme: the objects; colours and icons belong to pages, so there are none."""
    only(call, "GET", "HEAD")
    if rest:
        raise refusals.not_found()
    items = [
        {"colors": [], "icons": [], "name": o.name}
        for o in org.catalogue.objects.values()
        if entry(o, call.root)["mruEnabled"]
    ]
    return Answer(200, {"themeItems": items})
