"""Operation by operation: log-in, SOAP, metadata and tooling. How rows work:
`pipelines.sandbox.coverage`."""

from __future__ import annotations

from pipelines.sandbox.coverage import NOT_SERVED, REFUSED, Areas, Call, Operation

_ROOT = "/services/data/v{version}/"
_OAUTH = "/services/oauth2/"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_APP = "client_id={client_id}&client_secret={client_secret}"
_XML = {"Content-Type": "text/xml", "SOAPAction": '""'}
_TIER = {
    "FullName": "Account.Tier__c",
    "Metadata": {"type": "Text", "label": "Tier", "length": 8},
}
_FIELDS = _ROOT + "tooling/sobjects/CustomField"
_MADE = (Call("POST", _FIELDS, _TIER),)
_BACK = "redirect_uri=http://localhost:1/cb&client_id={client_id}"


def _soap(name: str, body: str, says: str, door: str = "u", **more: object) -> Operation:
    space = {
        "u": "urn:partner.soap.sforce.com",
        "m": "http://soap.sforce.com/2006/04/metadata",
    }[door]
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{space}"><s:Header>'
        "<SessionHeader><sessionId>{access_token}</sessionId></SessionHeader></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
    path = f"/services/Soap/{door}/62.0"
    return Operation(name, "POST", path, body=envelope, headers=_XML, signed_in=False, says=says,
                     **more)  # type: ignore[arg-type]  # fmt: skip


_RULES = _ROOT + "tooling/sobjects/ValidationRule"
_RULE = {
    "FullName": "Account.Not_Forbidden",
    "Metadata": {
        "active": True,
        "errorConditionFormula": "Name = 'Forbidden'",
        "errorMessage": "Another name, please.",
    },
}
_TYPE = {"Name": "Covered", "DeveloperName": "A", "SobjectType": "Task"}
_FORMULA = {
    "FullName": "Account.Shout__c",
    "Metadata": {"type": "Text", "label": "Shout", "formula": "UPPER(Name)"},
}
_NO_FORMULA = {
    "FullName": "Account.Odd__c",
    "Metadata": {"type": "Text", "label": "Odd", "formula": "VLOOKUP(Name)"},
}


OPERATIONS: Areas = {
    "Rules and rights": (
        Operation(
            "Make a validation rule",
            "POST",
            _RULES,
            body=_RULE,
            says="success",
            note="Through Tooling, the Metadata API and deployments; held against every write. "
            "PRIORVALUE, ISCHANGED and ISNEW are known.",
        ),
        Operation(
            "A write that a rule speaks against",
            "POST",
            _ROOT + "sobjects/Account",
            REFUSED,
            body={"Name": "Forbidden"},
            before=(Call("POST", _RULES, {**_RULE, "FullName": "Account.No_Such"}),),
            says="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        ),
        Operation(
            "Rights on objects",
            "GET",
            _ROOT + "query?q=SELECT+Id+FROM+ObjectPermissions",
            note="They hide, or forbid to write, objects to users of the profiles Standard User "
            "and Read Only; a new custom object is theirs only when given. Profiles of a seed work "
            "with everything. Sharing of single records is not served.",
        ),
    ),
    "Record types": (
        Operation(
            "Make a record type",
            "POST",
            _ROOT + "sobjects/RecordType",
            body=_TYPE,
            says="success",
            note="The object has RecordTypeId from then on; the first active one is the default of "
            "every profile.",
        ),
        Operation(
            "Record types of an object",
            "GET",
            _ROOT + "sobjects/Task/describe",
            before=(Call("POST", _ROOT + "sobjects/RecordType", {**_TYPE, "DeveloperName": "B"}),),
            says='"developerName":"B"',
        ),
        Operation(
            "A record of a record type that there is not",
            "POST",
            _ROOT + "sobjects/Task",
            REFUSED,
            body={"Subject": "Covered", "RecordTypeId": "012Hs0000000009IAA"},
            before=(Call("POST", _ROOT + "sobjects/RecordType", {**_TYPE, "DeveloperName": "C"}),),
            says="INVALID_CROSS_REFERENCE_KEY",
        ),
    ),
    "Formulas": (
        Operation(
            "Make a formula field",
            "POST",
            _FIELDS,
            body=_FORMULA,
            says="success",
            note="Computed when read, parents too; a record's stamp does not move. Operators, "
            "logic, text, number and date functions, CASE, ISPICKVAL; not global variables ($User) "
            "and not VLOOKUP, GETRECORDIDS, IMAGE and the like.",
        ),
        Operation(
            "A formula that cannot be computed",
            "POST",
            _FIELDS,
            REFUSED,
            body=_NO_FORMULA,
            says="FIELD_INTEGRITY_EXCEPTION",
        ),
    ),
    "Log-in, more": (
        Operation(
            "JWT bearer: a wrong signature",
            "POST",
            _OAUTH + "token",
            REFUSED,
            note="A JWT signed with the connection's private_key is answered with a token.",
            body="grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c",
            headers=_FORM,
            signed_in=False,
            says="invalid_grant",
        ),
        Operation(
            "Web server flow: authorize",
            "GET",
            _OAUTH + "authorize?response_type=code&" + _BACK,
            note="Sends the browser back with a code at once; with PKCE where it is asked for.",
            signed_in=False,
        ),
        Operation(
            "Device flow: a code",
            "POST",
            _OAUTH + "token",
            body="response_type=device_code&client_id={client_id}",
            headers=_FORM,
            signed_in=False,
            says="user_code",
        ),
        Operation(
            "Introspect a token",
            "POST",
            _OAUTH + "introspect",
            body="token={access_token}&" + _APP,
            headers=_FORM,
            signed_in=False,
            says="active",
        ),
        Operation("Identity", "GET", "/id/{org}/{User}", says="display_name"),
        Operation(
            "Discovery document",
            "GET",
            "/.well-known/openid-configuration",
            signed_in=False,
            says="token_endpoint",
        ),
        Operation("Single access", "GET", _OAUTH + "singleaccess", NOT_SERVED, says="NOT_FOUND"),
    ),
    "SOAP partner and enterprise API": (
        _soap("getUserInfo", "<getUserInfo/>", "{org}"),
        _soap("getServerTimestamp", "<getServerTimestamp/>", "timestamp"),
        _soap("describeGlobal", "<describeGlobal/>", "Account"),
        _soap(
            "describeSObject(s)",
            "<describeSObjects><sObjectType>Account</sObjectType></describeSObjects>",
            "keyPrefix",
        ),
        _soap(
            "query, queryAll, queryMore",
            "<query><queryString>SELECT Id FROM Account</queryString></query>",
            "{Account}",
        ),
        _soap(
            "retrieve",
            "<retrieve><fieldList>Id,Name</fieldList><sObjectType>Account</sObjectType>"
            "<ids>{Account}</ids></retrieve>",
            "{Account}",
        ),
        _soap(
            "create, update, upsert, delete",
            "<create><sObjects><type>Account</type><Name>Covered</Name></sObjects></create>",
            "<success>true</success>",
        ),
        _soap(
            "undelete, emptyRecycleBin",
            "<undelete><ids>{Contact}</ids></undelete>",
            "<success>true</success>",
            before=(Call("DELETE", _ROOT + "sobjects/Contact/{Contact}"),),
        ),
        _soap(
            "merge",
            "<merge><request><masterRecord><type>Account</type><Id>{Account}</Id></masterRecord>"
            "<recordToMergeIds>{0.id}</recordToMergeIds></request></merge>",
            "mergedRecordIds",
            before=(Call("POST", _ROOT + "sobjects/Account", {"Name": "Twin"}),),
        ),
        _soap(
            "getUpdated, getDeleted",
            "<getUpdated><sObjectType>Account</sObjectType><startDate>{hour_ago}</startDate>"
            "<endDate>{now}</endDate></getUpdated>",
            "latestDateCovered",
        ),
        _soap(
            "search",
            "<search><searchString>FIND {Acme*} RETURNING Account(Id)</searchString></search>",
            "searchResponse",
        ),
        _soap("describeTabs", "<describeTabs/>", "standard-Account"),
        _soap(
            "convertLead",
            "<convertLead><leadConverts><leadId>00QHs0000000001IAA</leadId></leadConverts>"
            "</convertLead>",
            "INVALID_CROSS_REFERENCE_KEY",
            note="Account, contact and opportunity from a lead; the row's lead does not exist.",
        ),
        _soap("logout", "<logout/>", "logoutResponse"),
        _soap(
            "Bad query",
            "<query><queryString>SELECT</queryString></query>",
            "sf:MALFORMED_QUERY",
            claim=REFUSED,
        ),
        _soap(
            "describeLayout and every other operation",
            "<describeLayout/>",
            "describeLayout is not served",
            claim=NOT_SERVED,
        ),
    ),
    "Metadata API": (
        _soap(
            "createMetadata, updateMetadata, upsertMetadata, deleteMetadata",
            '<createMetadata><metadata xsi:type="CustomField"><fullName>Account.Made__c</fullName>'
            "<label>Made</label><type>Date</type></metadata></createMetadata>",
            "<success>true</success>",
            "m",
            note="Custom objects and fields, permission sets, grants of profiles.",
        ),
        _soap(
            "readMetadata",
            "<readMetadata><type>CustomObject</type><fullNames>Account</fullNames></readMetadata>",
            "<fullName>Account</fullName>",
            "m",
        ),
        _soap(
            "listMetadata",
            "<listMetadata><queries><type>CustomObject</type></queries></listMetadata>",
            "objects/Account.object",
            "m",
        ),
        _soap("describeMetadata", "<describeMetadata/>", "PermissionSet", "m"),
        _soap(
            "retrieve",
            "<retrieve><retrieveRequest><unpackaged><types><members>Account</members>"
            "<name>CustomObject</name></types></unpackaged></retrieveRequest></retrieve>",
            "Queued",
            "m",
        ),
        _soap(
            "renameMetadata",
            "<renameMetadata><type>CustomObject</type><oldFullName>A__c</oldFullName>"
            "<newFullName>B__c</newFullName></renameMetadata>",
            "Renaming a CustomObject is not served",
            "m",
            note="Answers 200 with success false.",
        ),
        _soap(
            "Apex, layouts, flows and every other type of component",
            "<listMetadata><queries><type>ApexClass</type></queries></listMetadata>",
            "ApexClass: this type of metadata is not served",
            "m",
            claim=NOT_SERVED,
        ),
        Operation(
            "Deploy by REST without a file",
            "POST",
            _ROOT + "metadata/deployRequest",
            REFUSED,
            note="A multipart package is deployed, or checked only; its status is told.",
            body="--x--",
            headers={"Content-Type": "multipart/form-data; boundary=x"},
            says="INVALID_MULTIPART_REQUEST",
        ),
    ),
    "Tooling API and permissions": (
        Operation("Create a custom field", "POST", _FIELDS, body=_TIER, says="success"),
        Operation("Read a custom field", "GET", _FIELDS + "/{0.id}", says="Tier", before=_MADE),
        Operation(
            "Change a custom field",
            "PATCH",
            _FIELDS + "/{0.id}",
            body={"Metadata": {"type": "Text", "label": "Tier", "length": 9}},
            before=_MADE,
        ),
        Operation("Delete a custom field", "DELETE", _FIELDS + "/{0.id}", before=_MADE),
        Operation(
            "A name that is taken",
            "POST",
            _FIELDS,
            REFUSED,
            body=_TIER,
            says="DUPLICATE_DEVELOPER_NAME",
            before=_MADE,
        ),
        Operation(
            "A new field is hidden until it is granted",
            "GET",
            _ROOT + "query?q=SELECT+Tier__c+FROM+Account",
            REFUSED,
            note="Granted by FieldPermissions of a permission set or profile.",
            says="INVALID_FIELD",
            before=_MADE,
        ),
        Operation(
            "Query CustomField, CustomObject, EntityDefinition, FieldDefinition",
            "GET",
            _ROOT + "tooling/query?q=SELECT+QualifiedApiName+FROM+EntityDefinition",
            says="Account",
        ),
        Operation("Describe", "GET", _ROOT + "tooling/sobjects", says="EntityDefinition"),
        Operation(
            "Permission sets",
            "POST",
            _ROOT + "sobjects/PermissionSet",
            body={"Name": "Covered", "Label": "Covered"},
            says="success",
        ),
        Operation(
            "Execute anonymous Apex",
            "GET",
            _ROOT + "tooling/executeAnonymous?anonymousBody=x",
            note="Answers as a compilation that failed: Apex does not run here.",
            says="Apex is not served",
        ),
        Operation(
            "Apex classes and tests",
            "GET",
            _ROOT + "tooling/sobjects/ApexClass",
            NOT_SERVED,
            says="NOT_FOUND",
        ),
    ),
    "Elsewhere": (
        Operation("Streaming (CometD)", "POST", "/cometd/62.0", NOT_SERVED, says="NOT_FOUND"),
        Operation("Connect, Chatter", "GET", _ROOT + "chatter/users/me", NOT_SERVED,
                  says="NOT_FOUND"),
        Operation("User interface API", "GET", _ROOT + "ui-api/object-info", NOT_SERVED,
                  says="NOT_FOUND"),
        Operation("Apex REST", "GET", "/services/apexrest/x", REFUSED,
                  note="No Apex class answers there.", says="Could not find a match for URL"),
    ),
}  # fmt: skip
