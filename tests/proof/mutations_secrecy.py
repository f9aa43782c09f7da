"""The guards of secrets, of foreign text, and of the gateway."""

from __future__ import annotations

from mutation import Mutation

GATE = ("tests/warehouse/test_gateway_reads.py", "tests/journeys/test_gateway_acts.py")
CLIENTS = (
    "tests/unit/test_transport.py",
    "tests/unit/test_salesforce_calls.py",
    "tests/contract/test_client_salesforce.py",
)
BOOKS = ("tests/contract/test_client_quickbooks.py",)
TOLD = ("tests/unit/test_transport.py", "tests/journeys/test_no_secret_told.py")
SECRECY = (
    Mutation(
        "an apostrophe ends no literal of SOQL", "pipelines/clients/salesforce_soql.py",
        '.replace("\'", "\\\\\'")', "", CLIENTS,
    ),
    Mutation(
        "a backslash ends no literal of SOQL", "pipelines/clients/salesforce_soql.py",
        '.replace("\\\\", "\\\\\\\\")', "", CLIENTS,
    ),
    Mutation(
        "an id in SOQL has the form of one", "pipelines/clients/salesforce_soql.py",
        "    if not _ID.fullmatch(value):\n", "    if False:\n", CLIENTS,
    ),
    Mutation(
        "a name in SOQL is one", "pipelines/clients/salesforce_soql.py",
        "    if not _OBJECT.fullmatch(name):\n", "    if False:\n", CLIENTS,
    ),
    Mutation(
        "known secrets are taken out of texts", "pipelines/clients/redaction.py",
        "        text = text.replace(secret, MASK)\n", "        pass\n", TOLD,
    ),
    Mutation(
        "what looks like a secret is taken out of texts", "pipelines/clients/redaction.py",
        "        text = shape.sub(MASK, text)\n", "        pass\n", TOLD,
    ),
    Mutation(
        "calls go to the vendor or the sandbox only", "pipelines/clients/transport.py",
        "        self._reach.check(request.url)\n", "", ("tests/unit/test_transport.py",),
    ),
    Mutation(
        "a sandbox is not taken for the vendor", "pipelines/clients/transport.py",
        "        self._reach.check_answer(request.url, response.headers)\n", "",
        ("tests/unit/test_transport.py", "tests/contract/test_client_quickbooks.py"),
    ),
    Mutation(
        "foreign text is no markup", "reverse_etl/report/page.py",
        "        autoescape=True,\n", "        autoescape=False,\n",
        ("tests/unit/test_report_html.py",),
    ),
    Mutation(
        "foreign text is no formula of the spreadsheet", "reverse_etl/report/workbook.py",
        "page.write_string(row, column, words.neutralised(cell)",
        "page.write_string(row, column, cell",
        ("tests/unit/test_report_workbook.py",),
    ),
    Mutation(
        "foreign text is no formula of the file", "reverse_etl/report/files.py",
        "quoted = neutralised(cell)", "quoted = cell", ("tests/unit/test_report_files.py",),
    ),
    Mutation(
        "a token does what its scopes say", "orchestration/gateway/gate.py",
        "        if scope not in caller.scopes:\n", "        if False:\n", GATE,
    ),
    Mutation(
        "a token has its calls a minute", "orchestration/gateway/gate.py",
        "            if len(times) >= most:\n", "            if False:\n", GATE,
    ),
    Mutation(
        "an answer has its rows", "orchestration/gateway/gate.py",
        "for row in answer.records[:most]]", "for row in answer.records]", GATE,
    ),
    Mutation(
        "people's addresses are masked", "orchestration/gateway/gate.py",
        "rows = [masked(plain(row), personal=personal)",
        "rows = [masked(plain(row), personal=True)", GATE,
    ),
    Mutation(
        "every call is in the log", "orchestration/gateway/gate.py",
        "            self._keep(caller, tool, arguments, result, told, rows, spent)\n",
        "            pass\n", GATE,
    ),
    Mutation(
        "a change is in the log before it is made", "orchestration/gateway/gate.py",
        '                self._keep(caller, tool, arguments, "begun", "", 0, 0)\n',
        "                pass\n", GATE,
    ),
    Mutation(
        "an assistant applies what a person approved", "orchestration/gateway/acting.py",
        "if approval is None or approval.who == policies.POLICY:", "if approval is None:", GATE,
    ),
    Mutation(
        "a token of some companies plans nothing", "orchestration/gateway/acting.py",
        "    if caller.companies is not None:\n", "    if False:\n", GATE,
    ),
    Mutation(
        "a question is one SELECT", "pipelines/questions.py",
        "if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:",
        "if False:", GATE,
    ),
    Mutation(
        "a question reads marts only", "pipelines/questions.py",
        'if node["catalog_name"].lower() not in ("", "crossfoot") or schema not in SCHEMAS:',
        "if False:", GATE,
    ),
    Mutation(
        "a question sees no file", "pipelines/questions.py",
        "enable_external_access = false", "enable_external_access = true", GATE,
    ),
    Mutation(
        "a question calls no function that reaches out", "pipelines/questions.py",
        "if (schema, name) not in ours and not (name in _HARMLESS and not schema):", "if False:",
        GATE,
    ),
    Mutation(
        "tables of addresses are closed", "pipelines/questions.py",
        "        if (schema, table) in closed:\n", "        if False:\n", GATE,
    ),
    Mutation(
        "a question has its time", "pipelines/questions.py",
        "    timer.start()\n", "", GATE,
    ),
)  # fmt: skip
