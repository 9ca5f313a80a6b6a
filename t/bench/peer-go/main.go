// SPDX-License-Identifier: Apache-2.0
//
// A minimal gateway on github.com/openpcc/ohttp: its middleware before the
// standard library's reverse proxy.
//
//	ohttp-peer PORT BACKEND_PORT
//
// Prints its key configuration in hex, then serves on 127.0.0.1.
package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"github.com/cloudflare/circl/hpke"
	"github.com/openpcc/ohttp"
	"github.com/openpcc/ohttp/encoding/bhttp"
)

func main() {
	// the middleware logs each request
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr,
		&slog.HandlerOptions{Level: slog.LevelError})))

	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: ohttp-peer PORT BACKEND_PORT")
	}

	pair, err := newKey()
	if err != nil {
		return err
	}

	config, err := pair.KeyConfig.MarshalBinary()
	if err != nil {
		return err
	}

	// its default is less than what clients may send
	decoder, err := bhttp.NewRequestDecoder(bhttp.MaxRequestChunkLen(16384))
	if err != nil {
		return err
	}

	gateway, err := ohttp.NewGateway(pair, ohttp.WithRequestDecoder(decoder),
		ohttp.WithRequestValidator(ohttp.NewHostnameAllowlist("localhost")))
	if err != nil {
		return err
	}

	backend, err := url.Parse("http://127.0.0.1:" + args[1])
	if err != nil {
		return err
	}

	fmt.Printf("%x\n", config)

	// The middleware answers in chunks when the proxy flushes, whatever the
	// form of the request was.
	whole := ohttp.Middleware(gateway, newProxy(backend, 0))
	chunked := ohttp.Middleware(gateway, newProxy(backend, -1))

	return http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Content-Type") == "message/ohttp-req" {
				whole.ServeHTTP(w, r)
				return
			}
			chunked.ServeHTTP(w, r)
		}))
}

func newProxy(to *url.URL, flush time.Duration) *httputil.ReverseProxy {
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 2048}
	proxy.FlushInterval = flush
	return proxy
}

func newKey() (ohttp.KeyPair, error) {
	kem := hpke.KEM_X25519_HKDF_SHA256
	pk, sk, err := kem.Scheme().GenerateKeyPair()
	if err != nil {
		return ohttp.KeyPair{}, err
	}

	return ohttp.KeyPair{
		SecretKey: sk,
		KeyConfig: ohttp.KeyConfig{
			KeyID:     1,
			KemID:     kem,
			PublicKey: pk,
			SymmetricAlgorithms: []ohttp.SymmetricAlgorithm{{
				KDFID:  hpke.KDF_HKDF_SHA256,
				AEADID: hpke.AEAD_AES128GCM,
			}},
		},
	}, nil
}
