#!/usr/bin/env bash
# What:    a client sends one DELETE. On a kept-alive connection to the origin the origin carries it out and closes the
#          connection before it answers (a restart, an idle timeout that fires late). nginx, Squid and Varnish then send the
#          DELETE again on a fresh connection and hand on the second answer, which is 404: what the client deleted "was never
#          there". haproxy and Apache httpd send it once and answer 502.
# Matters: behind the first three, "404 to my DELETE" doesn't mean that somebody else was first. No client library helps: the
#          client sent one request on one connection.
# Version: Debian's nginx 1.22.1-9+deb12u11, varnish 7.1.1-2+deb12u1, squid 5.7-2+deb12u6, haproxy 2.6.12-1+deb12u4,
#          apache2-bin 2.4.71-1~deb12u1
# Source:  nginx: src/http/ngx_http_upstream.c, only POST, LOCK and PATCH count as non-idempotent;
#          RFC 9110 9.2.2 lets a proxy repeat DELETE, being idempotent: same state, not same answer
# Seen:    the lines at the end of this file
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work" /dev/shm/finding$$-*' EXIT
cd "$work"
chmod 777 "$work"
packages="nginx=1.22.1-9+deb12u11 varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 squid=5.7-2+deb12u6
squid-common=5.7-2+deb12u6 libecap3 libtdb1 libnetfilter-conntrack3 libnfnetlink0 libjemalloc2 libedit2 libbsd0
haproxy=2.6.12-1+deb12u4 liblua5.3-0 apache2-bin=2.4.71-1~deb12u1 libaprutil1 libapr1 libltdl7 libopentracing-c-wrapper0 libopentracing1"
(apt-get download -qq $packages 2>/dev/null || { apt-get update -qq && apt-get download -qq $packages; }) >/dev/null
for deb in *.deb; do dpkg -x "$deb" root; done
export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu/varnish:$work/root/lib/x86_64-linux-gnu"

# The origin: GETs are answered and the connection kept. A DELETE is carried out; if it is the first on a connection that
# served a GET before, the connection ends without an answer. A DELETE of what is gone is answered 404.
cat >origin.js <<'JS'
const fs = require('fs'), log = t => fs.appendFileSync('deletes', t + '\n')
let there = true
require('net').createServer(socket => {
  let used = false, text = ''
  socket.on('error', () => {})
  socket.on('data', d => {
    text += d
    if (!text.includes('\r\n\r\n')) return
    const method = text.split(' ')[0]; text = ''
    const answer = (status, body) => socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n\r\n${body}`)
    if (method !== 'DELETE') { there = true; used = true; return answer('200 OK', 'x') }
    log(there ? 'done' : 'gone')
    if (!there) return answer('404 Not Found', 'gone')
    there = false
    if (used) return socket.destroy()
    answer('200 OK', '')
  })
}).listen(0, '127.0.0.1', function () { fs.writeFileSync('origin.port', String(this.address().port)) })
JS
node origin.js &
for _ in $(seq 100); do [ -s origin.port ] && break; sleep 0.1; done
origin=$(cat origin.port)
free() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }
await() { for _ in $(seq 150); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; echo "nobody listens on $1" >&2; cat ./*.log >&2; exit 1; }
cat >client.js <<'JS'
const [name, port] = process.argv.slice(2), http = require('http'), fs = require('fs')
const ask = method => new Promise((done, fail) => http.request({ host: '127.0.0.1', port, method, path: '/thing', agent: false },
  r => { r.resume(); r.on('end', () => done(r.statusCode)) }).on('error', fail).end())
;(async () => {
  await ask('GET')
  fs.writeFileSync('deletes', '')
  const status = await ask('DELETE')
  console.log(`${name}: the client sent 1 DELETE, the origin got ${fs.readFileSync('deletes', 'utf8').trim().split('\n').length}, the answer was ${status}`)
})()
JS
try() { await "$2"; node client.js "$1" "$2" | tee -a seen; }

p=$(free)
mkdir -p nginx/logs
cat >nginx/nginx.conf <<CONF
daemon off; master_process off; pid $work/nginx/pid; error_log $work/nginx.log;
events {}
http {
  access_log off; client_body_temp_path nginx/b; proxy_temp_path nginx/p; fastcgi_temp_path nginx/f; uwsgi_temp_path nginx/u; scgi_temp_path nginx/s;
  upstream o { server 127.0.0.1:$origin; keepalive 4; }
  server { listen 127.0.0.1:$p; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
CONF
root/usr/sbin/nginx -p "$work" -c "$work/nginx/nginx.conf" >nginx.out.log 2>&1 &
try nginx "$p"

p=$(free)
printf 'vcl 4.1;\nbackend o { .host = "127.0.0.1"; .port = "%s"; }\nsub vcl_recv { return (pass); }\n' "$origin" >o.vcl
root/usr/sbin/varnishd -F -a "127.0.0.1:$p" -f "$work/o.vcl" -n "$work/varnish" -j none -p vmod_path="$work/root/usr/lib/x86_64-linux-gnu/varnish/vmods" >varnish.log 2>&1 &
try varnish "$p"

p=$(free)
cat >squid.conf <<CONF
http_port 127.0.0.1:$p accel defaultsite=o no-vhost
cache_peer 127.0.0.1 parent $origin 0 no-query originserver name=o
acl all_ src all
http_access allow all_
cache deny all
cache_effective_user $([ "$(id -u)" = 0 ] && echo nobody || id -un)
pid_filename none
access_log none
cache_log $work/squid.log
coredump_dir $work
mime_table $work/root/usr/share/squid/mime.conf
icon_directory $work/root/usr/share/squid/icons
error_directory $work/root/usr/share/squid/errors/templates
unlinkd_program /bin/true
logfile_daemon /bin/true
pinger_enable off
shutdown_lifetime 0 seconds
CONF
[ -d root/usr/share/squid/errors/templates ] || sed -i '/^error_directory/d' squid.conf
root/usr/sbin/squid -N -n "finding$$" -f "$work/squid.conf" >squid.out.log 2>&1 &
try squid "$p"

p=$(free)
cat >haproxy.cfg <<CONF
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen o
  bind 127.0.0.1:$p
  http-reuse always
  server o 127.0.0.1:$origin
CONF
root/usr/sbin/haproxy -db -f haproxy.cfg >haproxy.log 2>&1 &
try haproxy "$p"

p=$(free)
modules="$work/root/usr/lib/apache2/modules"
cat >httpd.conf <<CONF
ServerRoot $work
ServerName localhost
PidFile $work/httpd.pid
Listen 127.0.0.1:$p
ErrorLog $work/httpd.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
User nobody
Group nogroup
Mutex sem
ServerLimit 1
StartServers 1
ThreadsPerChild 1
MaxRequestWorkers 1
MinSpareThreads 1
MaxSpareThreads 1
ThreadLimit 1
ProxyPass / http://127.0.0.1:$origin/
CONF
root/usr/sbin/apache2 -D FOREGROUND -f "$work/httpd.conf" >httpd.out.log 2>&1 &
try httpd "$p"

diff seen - <<'SEEN'
nginx: the client sent 1 DELETE, the origin got 2, the answer was 404
varnish: the client sent 1 DELETE, the origin got 2, the answer was 404
squid: the client sent 1 DELETE, the origin got 2, the answer was 404
haproxy: the client sent 1 DELETE, the origin got 1, the answer was 502
httpd: the client sent 1 DELETE, the origin got 1, the answer was 502
SEEN
echo "as stated"
