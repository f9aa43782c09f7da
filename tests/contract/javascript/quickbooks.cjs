// node-quickbooks and intuit-oauth as installed, pointed at the sandbox by configuration alone.
// Usage: node quickbooks.cjs SCENARIO < {"connection": ..., "realm": ...}; prints one JSON value.
'use strict'

const QuickBooks = require('node-quickbooks')
const OAuthClient = require('intuit-oauth')

const input = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const connection = input.connection
const company = connection.companies.find((c) => c.realm_id === input.realm)

QuickBooks.V3_ENDPOINT_BASE_URL = `${connection.base_url}/v3/company/`
QuickBooks.TOKEN_URL = `${connection.base_url}/oauth2/v1/tokens/bearer`
QuickBooks.REVOKE_URL = `${connection.base_url}/v2/oauth2/tokens/revoke`

function client (token = company.access_token) {
  return new QuickBooks(connection.client_id, connection.client_secret, token, false,
    company.realm_id, true, false, 75, '2.0', company.refresh_token)
}

// What came back: the object, or the HTTP status and the body of the refusal.
function call (qbo, method, ...args) {
  return new Promise((resolve) => {
    qbo[method](...args, (error, body) => {
      if (!error) return resolve(body)
      const reply = error.response
      resolve({ status: reply && reply.status, refused: reply ? reply.data : error })
    })
  })
}

const line = (amount, more = {}) => ({
  Amount: amount,
  DetailType: 'SalesItemLineDetail',
  SalesItemLineDetail: { ItemRef: { value: '1' }, ...more }
})
const invoice = (...lines) => ({ CustomerRef: { value: '1' }, Line: lines })

const scenarios = {
  async lifecycle () {
    const qbo = client()
    const made = await call(qbo, 'createInvoice', invoice(line(100)))
    const read = await call(qbo, 'getInvoice', made.Id)
    const changed = await call(qbo, 'updateInvoice',
      { Id: made.Id, SyncToken: made.SyncToken, PrivateNote: "O'Hara's" })
    const stale = await call(qbo, 'updateInvoice',
      { Id: made.Id, SyncToken: made.SyncToken, PrivateNote: 'late' })
    const pdf = await call(qbo, 'getInvoicePdf', made.Id)
    const sent = await call(qbo, 'sendInvoicePdf', made.Id, 'a@b.example')
    const voided = await call(qbo, 'voidInvoice', made.Id)
    const deleted = await call(qbo, 'deleteInvoice', made.Id)
    const gone = await call(qbo, 'getInvoice', made.Id)
    return { made, read, changed, stale, pdf: pdf.toString('latin1').slice(0, 5), sent, voided, deleted, gone }
  },

  async payment () {
    const qbo = client()
    const sold = await call(qbo, 'createInvoice', invoice(line(80)))
    const paid = await call(qbo, 'createPayment', {
      CustomerRef: { value: '1' },
      TotalAmt: 50,
      Line: [{ Amount: 50, LinkedTxn: [{ TxnId: sold.Id, TxnType: 'Invoice' }] }]
    })
    const open = await call(qbo, 'getInvoice', sold.Id)
    const tooMuch = await call(qbo, 'createPayment', {
      CustomerRef: { value: '1' },
      TotalAmt: 50,
      Line: [{ Amount: 50, LinkedTxn: [{ TxnId: sold.Id, TxnType: 'Invoice' }] }]
    })
    const voided = await call(qbo, 'updatePayment',
      { Id: paid.Id, SyncToken: paid.SyncToken, void: true })
    return { open, tooMuch, voided, again: await call(qbo, 'getInvoice', sold.Id) }
  },

  async queries () {
    const qbo = client()
    for (const name of ["Pam's Pies", '100% Wool', 'Zoe']) {
      await call(qbo, 'createCustomer', { DisplayName: name })
    }
    return {
      apostrophe: await call(qbo, 'findCustomers', { DisplayName: "Pam's Pies" }),
      like: await call(qbo, 'findCustomers', [{ field: 'DisplayName', value: '%wool', operator: 'LIKE' }]),
      list: await call(qbo, 'findCustomers', { Id: ['1', '2'], asc: 'Id' }),
      count: await call(qbo, 'findCustomers', { count: true }),
      all: await call(qbo, 'findCustomers', { fetchAll: true, limit: 2, asc: 'Id' }),
      desc: await call(qbo, 'findCustomers', { desc: 'DisplayName', limit: 1 }),
      none: await call(qbo, 'findCustomers', { DisplayName: 'Nobody' }),
      unknown: await call(qbo, 'findCustomers', { Notes: 'x' })
    }
  },

  async refusals () {
    const qbo = client()
    const customer = await call(qbo, 'createCustomer', { DisplayName: 'Twice' })
    return {
      customer,
      duplicate: await call(qbo, 'createCustomer', { DisplayName: 'twice' }),
      missing: await call(qbo, 'createInvoice', { Line: [line(1)] }),
      product: await call(qbo, 'createInvoice', invoice(line(99, { Qty: 2, UnitPrice: 50 }))),
      unknown: await call(qbo, 'createCustomer', { DisplayName: 'X', Colour: 'red' }),
      reference: await call(qbo, 'createInvoice', { CustomerRef: { value: '987654' }, Line: [line(1)] }),
      number: await call(qbo, 'getInvoice', 'seven'),
      token: await call(client('eyJworthless'), 'findCustomers', {}),
      report: await call(qbo, 'reportBalanceSheet', {})
    }
  },

  async batch () {
    const qbo = client()
    const items = [
      { bId: '1', operation: 'create', Term: { Name: 'Net 7', DueDays: 7 } },
      { bId: '2', operation: 'delete', Invoice: { Id: '987654', SyncToken: '0' } },
      { bId: '3', Query: 'select count(*) from Customer' }
    ]
    const many = Array.from({ length: 31 }, () => ({ Term: { Name: 'No' } }))
    return { three: await call(qbo, 'batch', items), many: await call(qbo, 'batch', many) }
  },

  async changes () {
    const qbo = client()
    const kept = await call(qbo, 'createInvoice', invoice(line(5)))
    const gone = await call(qbo, 'createInvoice', invoice(line(6)))
    await call(qbo, 'deleteInvoice', gone.Id)
    const since = new Date(Date.parse(kept.MetaData.CreateTime) - 1000)
    return {
      kept: kept.Id,
      gone: gone.Id,
      found: await call(qbo, 'changeDataCapture', ['Invoice', 'Class'], since),
      old: await call(qbo, 'changeDataCapture', ['Invoice'], new Date('2026-01-01T00:00:00Z'))
    }
  },

  async once () {
    const qbo = client()
    const first = await call(qbo, 'createInvoice', { ...invoice(line(5)), requestId: 'one' })
    await call(qbo, 'deleteInvoice', first.Id)
    const second = await call(qbo, 'createInvoice', { ...invoice(line(7)), requestId: 'one' })
    return { first, second, count: await call(qbo, 'findInvoices', { count: true }) }
  },

  async files () {
    const qbo = client()
    const content = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7) % 256))
    const sold = await call(qbo, 'createInvoice', invoice(line(5)))
    const kept = await call(qbo, 'upload', 'rock.png', 'image/png', content, 'Invoice', sold.Id)
    const lone = await call(qbo, 'upload', 'lone.png', 'image/png', content)
    const back = Buffer.from(await (await fetch(kept.TempDownloadUri)).arrayBuffer())
    const linked = await call(qbo, 'findAttachables', [
      { field: 'AttachableRef.EntityRef.Type', value: 'invoice' },
      { field: 'AttachableRef.EntityRef.value', value: sold.Id }
    ])
    const deleted = await call(qbo, 'deleteAttachable', lone.Id)
    return { kept, lone, same: back.equals(content), linked, deleted }
  },

  async tokens () {
    const qbo = client()
    const renewed = await call(qbo, 'refreshAccessToken')
    const after = await call(qbo, 'findCustomers', { count: true })
    OAuthClient.tokenEndpoint = QuickBooks.TOKEN_URL
    OAuthClient.revokeEndpoint = QuickBooks.REVOKE_URL
    const oauth = new OAuthClient({
      clientId: connection.client_id,
      clientSecret: connection.client_secret,
      environment: 'sandbox',
      redirectUri: connection.redirect_uri
    })
    const reply = await oauth.refreshUsingToken(qbo.refreshToken)
    const wrong = await oauth.refreshUsingToken('none').then(() => 'accepted', (e) => e.error || e.message)
    const revoked = await oauth.revoke({ refresh_token: qbo.refreshToken })
    const dead = await call(qbo, 'findCustomers', {})
    return {
      renewed: Object.keys(renewed),
      after,
      lifetime: reply.json.expires_in,
      wrong,
      revoked: revoked.response.status,
      dead
    }
  }
}

scenarios[process.argv[2]]().then(
  (found) => process.stdout.write(JSON.stringify(found)),
  (error) => { process.stderr.write(String(error.stack)); process.exitCode = 1 }
)
