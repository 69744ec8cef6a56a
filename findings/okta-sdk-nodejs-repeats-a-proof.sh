#!/usr/bin/env bash
# What:    Okta's own SDK for Node, logged in with DPoP, waits after a 429 as it should and then sends the same request again
#          with the same proof. A proof is good for one request (RFC 9449 11.1), and Okta holds one that it answered 429 for
#          used: the retry is refused, 400 `invalid_dpop_proof`, with an empty body and the reason in WWW-Authenticate alone.
# Matters: the retries of the SDK are there for rate limits, and with DPoP, which service apps have by default, none of them
#          can succeed: a script that works all week fails on the day on which the org is busy, with an error that speaks
#          of nothing. Whoever puts a retrying HTTP client below a signing one builds the same.
# Version: @okta/okta-sdk-nodejs 8.1.0, the newest of 2026-11-30
# Source:  src/default-request-executor.js copies the request with its headers; src/http.js, which signs, is above it.
#          That Okta refuses such a retry: https://github.com/okta/okta-sdk-golang/issues/554 (mended there in version 6),
#          https://github.com/okta/terraform-provider-okta/issues/2392
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
const claims = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'))
const proofs = [], statuses = []
let limited = 1
const server = http.createServer((request, response) => {
  request.resume()
  const answer = (status, body, headers) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body && JSON.stringify(body))
  }
  const proof = request.headers.dpop
  if (request.url === '/oauth2/v1/token') {
    return claims(proof).nonce ? answer(200, { token_type: 'DPoP', expires_in: 3600, access_token: 'token', scope: 'okta.users.read' })
      : answer(400, { error: 'use_dpop_nonce', error_description: 'Authorization server requires nonce in DPoP proof.' }, { 'DPoP-Nonce': 'nonce' })
  }
  const used = proofs.includes(claims(proof).jti)
  proofs.push(claims(proof).jti)
  const status = used ? 400 : limited-- > 0 ? 429 : 200
  statuses.push(status)
  if (status === 400) return answer(400, undefined, { 'WWW-Authenticate': 'DPoP error="invalid_dpop_proof", error_description="The DPoP proof JWT has already been used."' })
  if (status === 429) return answer(429, { errorCode: 'E0000047', errorSummary: 'API call exceeded rate limit' }, { 'X-Rate-Limit-Reset': String(Math.floor(Date.now() / 1000)) })
  answer(200, [])
}).listen(0, '127.0.0.1', async () => {
  const client = new Client({ orgUrl: `http://127.0.0.1:${server.address().port}`, authorizationMode: 'PrivateKey',
    clientId: '0oa1fk000000000001d7', keyId: 'k', privateKey, scopes: ['okta.users.read'] })
  const list = async () => { for await (const user of await client.userApi.listUsers()) user.id }
  const told = await list().then(() => 'nothing', e => `${e.name} ${e.status} "${e.message}"`)
  console.log(`one call: ${statuses.join(', ')}; ${proofs.length} requests with ${new Set(proofs).size} proof`)
  assert.deepEqual(statuses, [429, 400])
  assert.equal(new Set(proofs).size, 1)
  assert.ok(!/proof|dpop|used/i.test(told))
  await list()
  console.log(`the next call: ${statuses.slice(2).join(', ')}`)
  assert.deepEqual(statuses.slice(2), [200])
  server.close()
  server.closeAllConnections()
})
JS
env -i "PATH=$PATH" "HOME=$work" node try.js
echo "as stated"

# one call: 429, 400; 2 requests with 1 proof
# the next call: 200
# as stated
