// SPDX-License-Identifier: Apache-2.0
//
// Independent judges: Google's verifiers of SEV-SNP reports and TDX quotes,
// unmodified.  Reads lines "snp|tdx UNIX-TIME BASE64", where the bytes are a
// report and its certificate table, or a quote; answers each by "accepted" or
// "refused: why".

package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	snpabi "github.com/google/go-sev-guest/abi"
	snpverify "github.com/google/go-sev-guest/verify"
	tdxverify "github.com/google/go-tdx-guest/verify"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<20)

	for in.Scan() {
		if err := judge(strings.Fields(in.Text())); err != nil {
			fmt.Printf("refused: %s\n",
				strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("accepted")
		}
	}
}

func judge(words []string) (err error) {
	// a judge that falls over has not accepted anything
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()

	if len(words) != 3 {
		return fmt.Errorf("three words are wanted")
	}

	unix, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return err
	}

	raw, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil {
		return err
	}

	now := time.Unix(unix, 0)

	switch words[0] {
	case "snp":
		attestation, err := snpabi.ReportCertsToProto(raw)
		if err != nil {
			return err
		}
		return snpverify.SnpAttestation(attestation, &snpverify.Options{
			DisableCertFetching: true,
			Now:                 now,
		})
	case "tdx":
		return tdxverify.RawTdxQuote(raw, &tdxverify.Options{Now: now})
	}

	return fmt.Errorf("unknown kind %q", words[0])
}
