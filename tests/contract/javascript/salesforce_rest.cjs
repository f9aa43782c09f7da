// Scenarios of jsforce over the REST API: the connection comes in on stdin, what was found goes out
// on stdout.
const jsforce = require("jsforce");

const refused = (work) =>
  work.then(
    (answer) => ({ answered: answer }),
    (error) => ({ code: error.errorCode, words: error.message }),
  );

const scenarios = {
  async records(conn) {
    const account = conn.sobject("Account");
    const made = await account.create({ Name: "Zoë & Co" });
    await account.update({ Id: made.id, Phone: "1" });
    const read = await account.retrieve(made.id);
    const missing = await refused(account.create({ Phone: "2" }));
    const long = await refused(account.create({ Name: "x".repeat(256) }));
    await account.destroy(made.id);
    const again = await refused(account.destroy(made.id));
    return { read, missing, long, again };
  },
  async many(conn) {
    const key = "QBO_Customer_Id__c";
    const rows = ["a", "b"].map((n) => ({ Name: n, [key]: `js-${n}` }));
    const made = await conn.sobject("Account").upsert(rows, key);
    const bad = [rows[0], { ...rows[1], OwnerId: "INVALID_OWNER" }];
    const rolledBack = await conn.sobject("Account").upsert(bad, key, { allOrNone: true });
    const gone = await conn.sobject("Account").destroy(made.map((one) => one.id));
    return { made, rolledBack, gone };
  },
  async metadata(conn) {
    const described = await conn.sobject("Account").describe();
    const layouts = await conn.sobject("Account").layouts();
    const { listviews } = await conn.sobject("Account").listviews();
    const view = conn.sobject("Account").listview(listviews[0].id);
    const results = await view.results();
    const explained = await view.explain();
    const actions = await conn.quickActions();
    const recent = await conn.recent(1);
    return {
      name: described.fields.find((field) => field.name === "Name"),
      layouts: layouts.layouts.length,
      view: results.label,
      plan: explained.plans[0].sobjectType,
      actions: actions.map((one) => one.name),
      recent,
      limit: conn.limitInfo.apiUsage,
    };
  },
};

async function main() {
  const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const conn = new jsforce.Connection({
    instanceUrl: given.base_url,
    accessToken: given.access_token,
    version: "60.0",
  });
  process.stdout.write(JSON.stringify(await scenarios[process.argv[2]](conn)));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
