// Configuration of node-quickbooks' own suite: what its config.js leaves blank, the base address,
// and the two lists its tests read from build/, made of every find and report the client has.
const fs = require('fs')
const config = require('node-quickbooks/config')
const QuickBooks = require('node-quickbooks')

Object.assign(config, JSON.parse(process.env.SUITE_CONFIG))
QuickBooks.V3_ENDPOINT_BASE_URL = process.env.SUITE_BASE_URL

const named = (prefix) =>
  Object.keys(QuickBooks.prototype)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
// The suite puts the plural back on; it knows `y` to `ies`, `s` and `es`.
const singular = (name) => {
  const pluralize = QuickBooks.prototype.pluralize
  return [name.replace(/ies$/, 'y'), name.replace(/es$/, ''), name.replace(/s$/, ''), name].find(
    (one) => pluralize(one) === name,
  )
}
fs.mkdirSync('build', { recursive: true })
const queries = named('find').map(singular).filter(Boolean)
fs.writeFileSync('build/query.txt', queries.join('\n'))
fs.writeFileSync('build/report.txt', named('report').join('\n'))
