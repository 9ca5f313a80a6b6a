# SPDX-License-Identifier: Apache-2.0

# attest_prompt_cors: what a browser asks before it asks is answered wherever
# the directive holds, not only where prompts are opened.  t/interop/browser.t
# has a browser do it.

use FindBin;
use lib "$FindBin::Bin/lib";
use Test::Nginx::Attest;

sub everywhere {
    return main::gateway(server => 'attest_prompt_cors https://app.example;'
        . ' location = /v1/models { proxy_pass http://$TEST_NGINX_BACKEND; }'
        . ' location = /off { attest_prompt_cors off;'
        . ' proxy_pass http://$TEST_NGINX_BACKEND; }');
}

no_shuffle();
run_tests();

__DATA__
=== TEST 1: the preflight of a location without attest_prompt
--- http_config eval: main::everywhere()
--- tls
OPTIONS /v1/models
Origin: https://app.example
Access-Control-Request-Method: GET
Access-Control-Request-Headers: authorization,x-stainless-lang
--- tls_status: 204
--- tls_headers
Access-Control-Allow-Origin: https://app.example
Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS
Vary: Origin


=== TEST 2: and its answer
--- http_config eval: main::everywhere()
--- tls
GET /v1/models
Origin: https://app.example
--- tls_headers
Access-Control-Allow-Origin: https://app.example
--- tls_like: echo-1


=== TEST 3: the preflight of evidence
--- http_config eval: main::everywhere()
--- tls
OPTIONS /.well-known/attestation
Origin: https://app.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: content-type
--- tls_status: 204
--- tls_headers
Access-Control-Allow-Origin: https://app.example
Vary: Origin


=== TEST 4: evidence itself
--- http_config eval: main::everywhere()
--- tls
POST /.well-known/attestation
Origin: https://app.example
Content-Type: application/json
--- tls_body eval
'{"nonce":"' . '01234567' x 8 . '"}'
--- tls_headers
Access-Control-Allow-Origin: https://app.example
--- tls_like: "claims"


=== TEST 5: a refusal can be read as well
--- http_config eval: main::everywhere()
--- tls
GET /.well-known/attestation?nonce=00
Origin: https://app.example
--- tls_status: 400
--- tls_headers
Access-Control-Allow-Origin: https://app.example
Content-Type: application/problem+json


=== TEST 6: the preflight of the keys
--- http_config eval: main::everywhere()
--- tls
OPTIONS /.well-known/hpke-keys
Origin: https://app.example
Access-Control-Request-Method: GET
--- tls_status: 204
--- tls_headers
Access-Control-Allow-Origin: https://app.example
Vary: Origin


=== TEST 7: the keys, over HTTP/2
--- http_config eval: main::everywhere()
--- tls
GET /.well-known/hpke-keys
Origin: https://app.example
--- tls_http2
--- tls_headers
Access-Control-Allow-Origin: https://app.example
Vary: Origin


=== TEST 8: another origin learns nothing
--- http_config eval: main::everywhere()
--- tls
OPTIONS /.well-known/attestation
Origin: https://evil.example
Access-Control-Request-Method: POST
--- tls_status: 204
--- tls_headers
!Access-Control-Allow-Origin
!Access-Control-Allow-Methods
Vary: Origin


=== TEST 9: OPTIONS that is no preflight is what it was
--- http_config eval: main::everywhere()
--- tls
OPTIONS /.well-known/attestation
--- tls_status: 405
--- tls_headers
Allow: GET, HEAD, POST
!Access-Control-Allow-Origin


=== TEST 10: switched off, the backend is asked
--- http_config eval: main::everywhere()
--- tls
OPTIONS /off
Origin: https://app.example
Access-Control-Request-Method: GET
--- tls_status: 404
--- tls_headers
!Access-Control-Allow-Origin


=== TEST 11: without the directive the endpoints refuse
--- http_config eval: main::gateway()
--- tls
OPTIONS /.well-known/hpke-keys
Origin: https://app.example
Access-Control-Request-Method: GET
--- tls_status: 405
--- tls_headers
Allow: GET, HEAD
!Access-Control-Allow-Origin


=== TEST 12: the preflight of a prompt
--- http_config eval: main::everywhere()
--- tls
OPTIONS /v1/chat/completions
Origin: https://app.example
Access-Control-Request-Method: POST
Access-Control-Request-Headers: ehbp-encapsulated-key,content-type
--- tls_status: 204
--- tls_headers
Access-Control-Allow-Origin: https://app.example
