// Scenarios of jsforce over both Bulk APIs: the connection comes in on stdin, what was found goes
// out on stdout.
const jsforce = require("jsforce");

const scenarios = {
  async second(conn) {
    const loaded = await conn.bulk2.loadAndWaitForResults({
      object: "Account",
      operation: "insert",
      input: [{ Name: "Zoë", Phone: "1" }, { Phone: "2" }],
    });
    const records = await (
      await conn.bulk2.query("SELECT Id, Name, Owner.Name FROM Account WHERE Phone = '1'")
    ).toArray();
    const gone = await conn.bulk2.loadAndWaitForResults({
      object: "Account",
      operation: "delete",
      input: loaded.successfulResults.map((row) => ({ Id: row.sf__Id })),
    });
    return { loaded, records, gone };
  },

  async first(conn) {
    const loaded = await conn.bulk.load("Account", "insert", [
      { Name: "Zoë", Phone: "1" },
      { Phone: "2" },
    ]);
    const stream = await conn.bulk.query("SELECT Id, Name FROM Account WHERE Name = 'Zoë'");
    const records = await stream.toArray();
    const empty = await conn.bulk.load("Account", "update", []).then(
      () => null,
      (error) => error.name,
    );
    const refused = await conn.bulk.query("SELECT Nope FROM Account").then(
      (found) => found.toArray(),
      (error) => error.message,
    );
    return { loaded, records, empty, refused };
  },

  async expired(conn) {
    const stranger = new jsforce.Connection({
      instanceUrl: conn.instanceUrl,
      accessToken: "wrong",
      version: conn.version,
    });
    const tell = (error) => error.name;
    return {
      second: await stranger.bulk2.query("SELECT Id FROM Account").catch(tell),
      first: await stranger.bulk.load("Account", "insert", [{ Name: "A" }]).then(() => null, tell),
    };
  },
};

async function main() {
  let given = "";
  for await (const part of process.stdin) given += part;
  const { base_url, access_token, api_version } = JSON.parse(given);
  const conn = new jsforce.Connection({
    instanceUrl: base_url,
    accessToken: access_token,
    version: api_version,
  });
  conn.bulk.pollInterval = conn.bulk2.pollInterval = 20;
  process.stdout.write(JSON.stringify(await scenarios[process.argv[2]](conn)));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
