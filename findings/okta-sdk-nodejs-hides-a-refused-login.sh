#!/usr/bin/env bash
# What:    Okta's own SDK for Node takes whatever the token endpoint answers for an access token, a refusal too: after
#          `400 {"error":"invalid_client", …}` it asks the API with `Authorization: Bearer undefined`, and its caller is told
#          what the API says to that, 401 E0000011 "Invalid token provided". Why the login was refused (a wrong key, a scope
#          that nobody granted, a clock that is off) is nowhere: not in the error, not in its message, not in a log.
# Matters: "Invalid token provided" from an app that has no API token sends people to look for one. The org sees two failed
#          logins and two requests with a bad credential for each call, since the SDK tries once more after a 401.
# Version: @okta/okta-sdk-nodejs 8.1.0, the newest of 2026-11-30
# Source:  src/oauth.js: `const Http = require('./http')` is the module and not the class in it, so that the filter of
#          errors is `.then(undefined)`, which lets everything pass. It must: with the filter, the 400 that asks for a DPoP
#          nonce would end the login.
# Seen:    the lines at the end of this file
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --ignore-scripts --no-audit --no-fund @okta/okta-sdk-nodejs@8.1.0
cat >try.js <<'JS'
const assert = require('node:assert'), http = require('node:http'), { Client } = require('@okta/okta-sdk-nodejs')
const { privateKey } = require('node:crypto').generateKeyPairSync('rsa', { modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } })
const refusals = {
  'a wrong key': [401, { error: 'invalid_client', error_description: 'The client_assertion signature is invalid.' }],
  'no grant': [400, { error: 'consent_required', error_description: 'You are not allowed any of the requested scopes.' }],
  'an unknown scope': [400, { error: 'invalid_scope', error_description: 'One or more scopes are not configured.' }],
}
let refusal, asked
const server = http.createServer((request, response) => {
  request.resume()
  const login = request.url === '/oauth2/v1/token'
  asked.push(login ? 'login' : request.headers.authorization)
  const [status, body] = login ? refusal : [401, { errorCode: 'E0000011', errorSummary: 'Invalid token provided', errorCauses: [] }]
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}).listen(0, '127.0.0.1', async () => {
  for (const [name, answer] of Object.entries(refusals)) {
    refusal = answer; asked = []
    const client = new Client({ orgUrl: `http://127.0.0.1:${server.address().port}`, authorizationMode: 'PrivateKey',
      clientId: '0oa1fk000000000001d7', keyId: 'k', privateKey, scopes: ['okta.users.read'] })
    let told
    try { for await (const user of await client.userApi.listUsers()) user.id } catch (e) { told = e }
    const everything = JSON.stringify([told.message, told.errorCode, told.errorSummary, told.stack])
    console.log(`${name}: the org was asked ${asked.join(', ')}; the caller is told ${told.status} ${told.errorSummary}`)
    assert.deepEqual(asked, ['login', 'Bearer undefined', 'login', 'Bearer undefined'])
    assert.equal(told.errorCode, 'E0000011')
    assert.ok(!everything.includes(answer[1].error) && !everything.includes(answer[1].error_description))
  }
  server.close()
  server.closeAllConnections()
})
JS
env -i "PATH=$PATH" "HOME=$work" node try.js
echo "as stated"

# a wrong key: the org was asked login, Bearer undefined, login, Bearer undefined; the caller is told 401 Invalid token provided
# no grant: the org was asked login, Bearer undefined, login, Bearer undefined; the caller is told 401 Invalid token provided
# an unknown scope: the org was asked login, Bearer undefined, login, Bearer undefined; the caller is told 401 Invalid token provided
# as stated
