// SPDX-License-Identifier: Apache-2.0

// EHBP's own server, github.com/tinfoilsh/encrypted-http-body-protocol: its
// middleware before the standard library's reverse proxy.
//
//	ehbp-server PORT BACKEND_PORT
//
// Prints its key configuration in hex, then serves on 127.0.0.1.
package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/tinfoilsh/encrypted-http-body-protocol/identity"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: ehbp-server PORT BACKEND_PORT")
	}

	id, err := identity.NewIdentity()
	if err != nil {
		return err
	}

	config, err := id.MarshalConfig()
	if err != nil {
		return err
	}

	backend, err := url.Parse("http://127.0.0.1:" + args[1])
	if err != nil {
		return err
	}

	proxy := httputil.NewSingleHostReverseProxy(backend)
	proxy.FlushInterval = -1

	fmt.Printf("%x\n", config)

	return http.ListenAndServe("127.0.0.1:"+args[0],
		id.Middleware()(proxy))
}
