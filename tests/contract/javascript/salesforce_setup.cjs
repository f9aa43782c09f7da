// Scenarios of jsforce over log-in, SOAP, metadata and tooling: the connection comes in on stdin, what
// was found goes out on stdout.
const jsforce = require("jsforce");

const refused = (work) =>
  work.then(
    (answer) => ({ answered: answer }),
    (error) => ({ code: error.name, words: error.message }),
  );

const connect = (given) =>
  new jsforce.Connection({
    loginUrl: given.login_url,
    instanceUrl: given.base_url,
    accessToken: given.access_token,
    version: "62.0",
  });

const INVOICE = {
  fullName: "Js_Invoice__c",
  label: "Invoice",
  pluralLabel: "Invoices",
  nameField: { type: "Text", label: "Number" },
  deploymentStatus: "Deployed",
  sharingModel: "ReadWrite",
};
const TOTAL = {
  fullName: "Js_Invoice__c.Total__c",
  type: "Currency",
  label: "Total",
  precision: 18,
  scale: 2,
};

const scenarios = {
  async login(given) {
    const app = new jsforce.OAuth2({
      loginUrl: given.login_url,
      clientId: given.client_id,
      clientSecret: given.client_secret,
      redirectUri: "http://localhost:1/cb",
      useVerifier: true,
    });
    const page = await fetch(app.getAuthorizationUrl({ state: "s" }), { redirect: "manual" });
    const back = new URL(page.headers.get("location"));
    const tokens = await app.requestToken(back.searchParams.get("code"));
    const renewed = await app.refreshToken(tokens.refresh_token);
    await app.revokeToken(renewed.access_token);
    const dead = new jsforce.Connection({
      instanceUrl: given.base_url,
      accessToken: renewed.access_token,
    });
    const revoked = await refused(dead.soap.getUserInfo());
    const soap = new jsforce.Connection({ loginUrl: given.login_url, version: "59.0" });
    const user = await soap.login(given.username, given.password + given.security_token);
    const identity = await soap.identity();
    await soap.logout();
    return { state: back.searchParams.get("state"), revoked, user, identity };
  },

  async bin(given) {
    const conn = connect(given);
    const contacts = conn.sobject("Contact");
    const ids = (await contacts.create([{ LastName: "X" }, { LastName: "Y" }])).map((r) => r.id);
    await contacts.destroy(ids);
    const back = await conn.soap.undelete([...ids, "not an id"]);
    const merged = await conn.soap.merge({
      masterRecord: { type: "Contact", Id: ids[0], Title: "T" },
      recordToMergeIds: [ids[1]],
    });
    return { ids, back, merged };
  },

  async metadata(given) {
    const conn = connect(given);
    const made = await conn.metadata.create("CustomObject", [INVOICE, { fullName: "Js_Bad__c" }]);
    const field = await conn.metadata.create("CustomField", TOTAL);
    const again = await conn.metadata.create("CustomField", TOTAL);
    const read = await conn.metadata.read("CustomObject", INVOICE.fullName);
    const invoices = conn.sobject(INVOICE.fullName);
    const hidden = await refused(invoices.create({ Name: "1", Total__c: 3 }));
    await conn.metadata.upsert("PermissionSet", {
      fullName: "Js_See",
      label: "See",
      fieldPermissions: [{ field: TOTAL.fullName, readable: true, editable: true }],
    });
    const sets = await conn.query("SELECT Id FROM PermissionSet WHERE Name = 'Js_See'");
    const me = await conn.identity();
    await conn
      .sobject("PermissionSetAssignment")
      .create({ PermissionSetId: sets.records[0].Id, AssigneeId: me.user_id });
    const seen = await invoices.create({ Name: "1", Total__c: 3 });
    conn.metadata.pollInterval = 50;
    const packed = await conn.metadata
      .retrieve({
        apiVersion: "62.0",
        singlePackage: true,
        unpackaged: {
          types: [{ members: [INVOICE.fullName], name: "CustomObject" }],
          version: "62.0",
        },
      })
      .complete();
    await conn.metadata.delete("CustomObject", INVOICE.fullName);
    const zip = Buffer.from(packed.zipFile, "base64");
    const byRest = await conn.metadata.deployRest(zip, { rollbackOnError: true }).complete(true);
    const bySoap = await conn.metadata.deploy(zip, { checkOnly: true }).complete(true);
    const gone = await conn.metadata.delete("CustomObject", [INVOICE.fullName, "Nope__c"]);
    const apex = await refused(conn.metadata.list({ type: "ApexClass" }));
    return { made, field, again, read, hidden, seen, byRest, bySoap, gone, apex };
  },

  async tooling(given) {
    const tooling = connect(given).tooling;
    const fields = tooling.sobject("CustomField");
    const tier = { FullName: "Account.Js__c", Metadata: { type: "Text", label: "J", length: 9 } };
    const made = await fields.create(tier);
    const again = await refused(fields.create(tier));
    const found = await tooling.query(
      "SELECT Id, Metadata FROM CustomField WHERE DeveloperName = 'Js'",
    );
    const gone = await fields.destroy(made.id);
    const apex = await tooling.executeAnonymous("System.debug(1);");
    const listed = (await tooling.describeGlobal()).sobjects.map((o) => o.name);
    return { made, again, found: found.records, gone, apex, listed };
  },
};

async function main() {
  let text = "";
  for await (const part of process.stdin) text += part;
  process.stdout.write(JSON.stringify(await scenarios[process.argv[2]](JSON.parse(text))));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
