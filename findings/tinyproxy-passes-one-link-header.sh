#!/usr/bin/env bash
# What:    of two `Link` header lines in one answer, tinyproxy passes the first and drops the second, without a word.
#          The answer stays 200 with a whole body. RFC 9110 5.3 lets an origin send list headers as several lines.
# Matters: an API that pages by `Link: <…>; rel="self"` and `Link: <…>; rel="next"` on lines of their own (Okta's does)
#          looks as if its first page were all, behind such a proxy.
# Version: tinyproxy 1.11.1 (Debian package tinyproxy-bin 1.11.1-2.1+deb12u1)
# Source:  https://github.com/tinyproxy/tinyproxy, src/reqs.c and src/pseudomap.c: headers are kept by name, one value each
# Seen:    "origin sent 2 Link lines, the client got 1: rel=self"
#          and "origin sent 2 Set-Cookie lines, the client got 1": not even cookies are spared
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
(apt-get download -qq tinyproxy-bin=1.11.1-2.1+deb12u1 2>/dev/null || { apt-get update -qq && apt-get download -qq tinyproxy-bin=1.11.1-2.1+deb12u1; }) >/dev/null
dpkg -x tinyproxy-bin_*.deb root
cat >origin.js <<'JS'
const server = require('http').createServer((req, res) => {
  res.setHeader('Link', ['<http://127.0.0.1/list>; rel="self"', '<http://127.0.0.1/list?after=a>; rel="next"'])
  res.setHeader('Set-Cookie', ['a=1', 'b=2'])
  res.end('[]')
})
server.listen(0, '127.0.0.1', () => require('fs').writeFileSync('origin.port', String(server.address().port)))
JS
node origin.js &
for _ in $(seq 100); do [ -s origin.port ] && break; sleep 0.1; done
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
printf 'Port %s\nListen 127.0.0.1\nTimeout 20\nLogLevel Error\n' "$port" >tinyproxy.conf
root/usr/bin/tinyproxy -d -c tinyproxy.conf >tinyproxy.log 2>&1 &
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
cat >client.js <<'JS'
const [proxy, origin] = process.argv.slice(2)
require('http').get({ host: '127.0.0.1', port: proxy, path: `http://127.0.0.1:${origin}/list`, agent: false }, res => {
  const lines = name => res.rawHeaders.filter((_, i) => i % 2 === 1 && res.rawHeaders[i - 1].toLowerCase() === name)
  const rels = lines('link').map(l => /rel="(\w+)"/.exec(l)[1])
  console.log(`status ${res.statusCode}`)
  console.log(`origin sent 2 Link lines, the client got ${rels.length}: rel=${rels.join(',')}`)
  console.log(`origin sent 2 Set-Cookie lines, the client got ${lines('set-cookie').length}`)
  res.resume()
})
JS
node client.js "$port" "$(cat origin.port)" | tee seen
diff seen - <<'SEEN'
status 200
origin sent 2 Link lines, the client got 1: rel=self
origin sent 2 Set-Cookie lines, the client got 1
SEEN
echo "as stated"
