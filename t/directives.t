# SPDX-License-Identifier: Apache-2.0

# Every directive and endpoint, block by block, by Test::Nginx::Socket.  Values
# in full are in t/conf.t, answers in full in t/endpoint.t.

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Nginx::Attest;

no_shuffle();
run_tests();

__DATA__
=== TEST 1: cached evidence, JSON by default
--- http_config eval: main::gateway()
--- tls
GET /.well-known/attestation
--- tls_headers
Content-Type: application/cmw+json; cmwc_t="urn:ngx-attest:evidence:cached:v1"
Vary: Accept
--- tls_like: ^\{.*"claims":\["application/vnd\.ngx-attest\.claims\+cbor"


=== TEST 2: cached evidence, CBOR, HTTP/2
--- http_config eval: main::gateway()
--- tls
GET /.well-known/attestation
Accept: application/cmw+cbor
--- tls_http2
--- tls_headers
Content-Type: application/cmw+cbor; cmwc_t="urn:ngx-attest:evidence:cached:v1"


=== TEST 3: fresh evidence by GET
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8
--- tls_headers
Content-Type: application/cmw+json; cmwc_t="urn:ngx-attest:evidence:fresh:v1"
Cache-Control: no-store


=== TEST 4: fresh evidence by POST, bound to the connection
--- http_config eval: main::gateway()
--- tls
POST /.well-known/attestation
Content-Type: application/json
--- tls_body eval
'{"nonce":"' . '01234567' x 8 . '","binding":"tls-exporter"}'
--- tls_headers
Cache-Control: no-store


=== TEST 5: a short nonce is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01' x 31
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 6: a long nonce is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8 . '01234567' x 8
    . '00'
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 7: an odd nonce is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8 . '0'
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 8: no hex is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . 'x' x 64
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 9: an empty nonce is 400
--- http_config eval: main::gateway()
--- tls
GET /.well-known/attestation?nonce=
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 10: an unknown argument is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8 . '&x=1'
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 11: two nonces is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8 . '&nonce='
    . '01234567' x 8
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 12: another binding is 400
--- http_config eval: main::gateway()
--- tls eval
'GET /.well-known/attestation?nonce=' . '01234567' x 8
    . '&binding=tls-unique'
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json
Cache-Control: no-store


=== TEST 13: another method is 405
--- http_config eval: main::gateway()
--- tls
DELETE /.well-known/attestation
--- tls_status: 405
--- tls_headers
Content-Type: application/problem+json
Allow: GET, HEAD, POST


=== TEST 14: another media type is 415
--- http_config eval: main::gateway()
--- tls
POST /.well-known/attestation
Content-Type: text/plain
--- tls_body: {}
--- tls_status: 415
--- tls_headers
Content-Type: application/problem+json


=== TEST 15: nothing acceptable is 406
--- http_config eval: main::gateway()
--- tls
GET /.well-known/attestation
Accept: image/png
--- tls_status: 406
--- tls_headers
Content-Type: application/problem+json


=== TEST 16: key configuration, bare
--- http_config eval: main::gateway()
--- tls
GET /.well-known/hpke-keys
--- tls_headers
Content-Type: application/ohttp-keys
--- tls_like: ^.\x00\x20.{32}\x00\x04\x00\x01\x00\x02$


=== TEST 17: status, JSON
--- http_config eval: main::gateway()
--- tls
GET /attest-status
--- tls_headers
Content-Type: application/json
Cache-Control: no-store
--- tls_like: "root_of_trust":"software"


=== TEST 18: status, Prometheus
--- http_config eval: main::gateway()
--- tls
GET /attest-status?format=prometheus
--- tls_like: # TYPE ngx_attest_


=== TEST 19: status, another format
--- http_config eval: main::gateway()
--- tls
GET /attest-status?format=xml
--- tls_status: 400
--- tls_headers
Content-Type: application/problem+json


=== TEST 20: a plain prompt is refused
--- http_config eval: main::gateway()
--- tls
POST /v1/chat/completions
--- tls_body: {}
--- tls_status: 400
--- tls_like: encryption-required


=== TEST 21: a bad encapsulated key is refused
--- http_config eval: main::gateway()
--- tls
POST /v1/chat/completions
Ehbp-Encapsulated-Key: 00
--- tls_body: {}
--- tls_status: 400
--- tls_headers
!Ehbp-Response-Nonce


=== TEST 22: another server's name is 421
--- http_config eval
main::gateway(http => 'server {
    listen 127.0.0.1:$TEST_NGINX_TLS_PORT ssl;
    server_name other;
    attest_certificate on;
}')
--- tls
GET /.well-known/attestation
Host: other
--- tls_status: 421
--- tls_headers
Content-Type: application/problem+json


=== TEST 23: variables
--- http_config eval
main::gateway(server => 'location = /vars {
    set $sealed "[$attest_prompt_protocol$attest_prompt_key_id]";
    return 200 "$attest_root_of_trust $attest_generation '
    . '$attest_evidence_age $sealed";
}')
--- tls
GET /vars
--- tls_like: ^software 1 \d+ \[\]$


=== TEST 24: refused: attest_tpm: bank
--- http_config eval: main::gateway(tpm_args => 'pcrs=sha1:0')
--- rejected: invalid parameter "pcrs=sha1:0" in "attest_tpm"


=== TEST 25: refused: attest_tpm: timeout
--- http_config eval: main::gateway(tpm_args => 'timeout=1ms')
--- rejected: invalid parameter "timeout=1ms" in "attest_tpm"


=== TEST 26: refused: attest_lifetime
--- http_config eval: main::gateway(http => 'attest_lifetime 25h;')
--- rejected: invalid value "25h" in "attest_lifetime"


=== TEST 27: refused: attest_zone
--- http_config eval: main::gateway(http => 'attest_zone 1k;')
--- rejected: invalid size "1k" in "attest_zone"


=== TEST 28: refused: attest_replay
--- http_config eval: main::gateway(http => 'attest_replay 1k;')
--- rejected: invalid size "1k" in "attest_replay"


=== TEST 29: refused: attest_queue
--- http_config eval: main::gateway(http => 'attest_queue 0;')
--- rejected: invalid number "0" in "attest_queue"


=== TEST 30: refused: attest_measure
--- http_config eval: main::gateway(http => 'attest_measure /no/such/file;')
--- rejected: "/no/such/file" in "attest_measure" is not a readable file


=== TEST 31: refused: attest_start_without_evidence
--- http_config eval
main::gateway(http => 'attest_start_without_evidence yes;')
--- rejected: invalid value "yes" in "attest_start_without_evidence" directive


=== TEST 32: refused: attest_certificate_names
--- http_config eval: main::gateway(server => 'attest_certificate_names "a b";')
--- rejected: invalid name "a b" in "attest_certificate_names"


=== TEST 33: refused: attest_prompt
--- http_config eval
main::gateway(server => 'location /x { attest_prompt pgp; }')
--- rejected: invalid value "pgp" in "attest_prompt"


=== TEST 34: refused: attest_prompt_mode
--- http_config eval: main::gateway(location => 'attest_prompt_mode on;')
--- rejected: invalid value "on" in "attest_prompt_mode"


=== TEST 35: refused: attest_prompt_max_size
--- http_config eval: main::gateway(location => 'attest_prompt_max_size 0;')
--- rejected: invalid size "0" in "attest_prompt_max_size"


=== TEST 36: refused: attest_prompt_cors
--- http_config eval
main::gateway(location => 'attest_prompt_cors example.com;')
--- rejected: invalid origin "example.com" in "attest_prompt_cors"


=== TEST 37: refused: ssl_session_cache
--- http_config eval: main::gateway(server => 'ssl_session_cache shared:s:1m;')
--- rejected: "ssl_session_cache" conflicts with attestation


=== TEST 38: refused: ssl_early_data
--- http_config eval: main::gateway(server => 'ssl_early_data on;')
--- rejected: "ssl_early_data on" conflicts with attestation


=== TEST 39: refused: proxy_buffering
--- http_config eval: main::gateway(location => 'proxy_store on;')
--- rejected: "proxy_store" cannot be used with "attest_prompt"
