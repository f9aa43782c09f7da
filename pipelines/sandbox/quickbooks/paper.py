"""A document on one page of PDF, enough for a client that downloads it."""

from __future__ import annotations

from pipelines.sandbox.quickbooks.values import Record


def as_pdf(company: str, entity: str, record: Record) -> bytes:
    """A one-page PDF that names the company, the document, its customer and its total."""
    customer = (record.get("CustomerRef") or {}).get("name", "")
    currency = (record.get("CurrencyRef") or {}).get("value", "")
    lines = (
        company,
        f"{entity} {record.get('DocNumber', record['Id'])}   {record.get('TxnDate', '')}",
        f"Customer: {customer}",
        f"Total: {record.get('TotalAmt', 0)} {currency}",
    )
    shown = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
    content = f"BT /F1 12 Tf 72 720 Td 18 TL {shown} ET".encode("latin-1", "replace")
    return _file(
        (
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>>>>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        )
    )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _file(objects: tuple[bytes, ...]) -> bytes:
    body = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + head + tail
