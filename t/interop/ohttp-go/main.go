// SPDX-License-Identifier: Apache-2.0
//
// A client on github.com/openpcc/ohttp, unmodified.
//
//	ohttp-client whole|chunked URL AUTHORITY METHOD PATH [CONTENT]
//
// Prints "status N", then the content.  chunked: on stderr "piece MS" for
// each piece as it comes.  Fails when the response is not complete.
package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/openpcc/ohttp"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 5 {
		return errors.New("usage")
	}

	// trust comes from evidence, which is not this test's subject
	outer := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}

	keys, err := fetchKeys(outer, args[1])
	if err != nil {
		return err
	}

	transport, err := ohttp.NewTransport(keys[0], args[1],
		ohttp.WithHTTPClient(outer))
	if err != nil {
		return err
	}

	var body io.Reader
	if len(args) > 5 {
		body = strings.NewReader(args[5])
		if args[0] == "chunked" {
			// of unknown length
			body = io.MultiReader(body)
		}
	}

	req, err := http.NewRequest(args[3], "https://"+args[2]+args[4], body)
	if err != nil {
		return err
	}

	return show(transport, req)
}

func fetchKeys(outer *http.Client, url string) (ohttp.KeyConfigs, error) {
	res, err := outer.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()

	list, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}

	var keys ohttp.KeyConfigs
	err = keys.UnmarshalBinary(list)
	return keys, err
}

func show(transport *ohttp.Transport, req *http.Request) error {
	start := time.Now()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()

	fmt.Printf("status %d\n", res.StatusCode)

	buf := make([]byte, 16384)
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			fmt.Fprintf(os.Stderr, "piece %d\n",
				time.Since(start).Milliseconds())
			os.Stdout.Write(buf[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
