// SPDX-License-Identifier: Apache-2.0
//
// An independent reader: Veraison's libraries for attestation results (EAR),
// COSE and conceptual message wrappers (CMW), unmodified.
//
//	veraison jwt KEY.pem FILE    what the token says, by the public key
//	veraison json FILE           the same of claims that nobody signed
//	veraison cwt KEY.pem FILE    a CWT: its claims, by their labels
//	veraison cmw FILE            a collection, JSON or CBOR: type and items
//	veraison x509 FILE           the same in a certificate, id-pe-cmw, DER
//
// Prints "refused: why", or lines of a name and a value.

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/veraison/cmw"
	"github.com/veraison/ear"
	"github.com/veraison/go-cose"
)

func main() {
	lines, err := read(os.Args[1:])
	if err != nil {
		fmt.Printf("refused: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}

	for _, line := range lines {
		fmt.Println(line)
	}
}

func read(args []string) ([]string, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("what, and which file?")
	}

	data, err := os.ReadFile(args[len(args)-1])
	if err != nil {
		return nil, err
	}

	var r ear.AttestationResult

	switch args[0] {
	case "json":
		err = json.Unmarshal(data, &r)
	case "jwt":
		var key crypto.PublicKey
		var alg jwa.SignatureAlgorithm
		key, alg, _, err = public(args[1])
		if err == nil {
			err = r.Verify([]byte(strings.TrimSpace(string(data))), alg, key)
		}
	case "cwt":
		return cwt(args[1], data)
	case "cmw":
		var c cmw.CMW
		if err := c.Deserialize(data); err != nil {
			return nil, err
		}
		return collection(&c)
	case "x509":
		return certificate(data)
	default:
		err = fmt.Errorf("what is %q?", args[0])
	}

	if err != nil {
		return nil, err
	}

	return show(&r)
}

func certificate(data []byte) ([]string, error) {
	cert, err := x509.ParseCertificate(data)
	if err != nil {
		return nil, err
	}

	for _, ext := range cert.Extensions {
		if ext.Id.Equal(cmw.OidExtCmw) {
			c, err := cmw.DecodeX509Extension(ext)
			if err != nil {
				return nil, err
			}
			return collection(c)
		}
	}

	return nil, fmt.Errorf("no id-pe-cmw")
}

func collection(c *cmw.CMW) ([]string, error) {
	// ValidateCollection() of v0.2.0 takes each record for a collection, and
	// refuses those of the draft's own examples; reading has checked them

	of, err := c.GetCollectionType()
	if err != nil {
		return nil, err
	}

	meta, err := c.GetCollectionMeta()
	if err != nil {
		return nil, err
	}

	out := []string{"collection " + of}

	for _, m := range meta {
		item, err := c.GetCollectionItem(m.Key)
		if err != nil {
			return nil, err
		}

		of, err := item.GetMonadType()
		if err != nil {
			return nil, err
		}

		value, err := item.GetMonadValue()
		if err != nil {
			return nil, err
		}

		ind, err := item.GetMonadIndicator()
		if err != nil {
			return nil, err
		}

		out = append(out, fmt.Sprintf("%v %s %d %x", m.Key, of, ind,
			sha256.Sum256(value)))
	}

	return out, nil
}

func show(r *ear.AttestationResult) ([]string, error) {
	// it checks what is mandatory, and the profile
	if _, err := r.MarshalJSON(); err != nil {
		return nil, err
	}

	a, ok := r.Submods["gateway"]
	if !ok {
		return nil, fmt.Errorf("no gateway")
	}

	out := []string{"status " + a.Status.String(),
		"iat " + fmt.Sprint(*r.IssuedAt), "policy " + *a.AppraisalPolicyID,
		"build " + *r.VerifierID.Build}

	for name, v := range a.TrustVector.AsMap() {
		if v != 0 {
			out = append(out, fmt.Sprintf("%s %d", name, v))
		}
	}

	if a.VeraisonKeyAttestation != nil {
		key, err := a.GetKeyAttestation()
		if err != nil {
			return nil, err
		}

		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}

		out = append(out, fmt.Sprintf("key %x", der))
	}

	sort.Strings(out)
	return out, nil
}

// The claims of RFC 8392, RFC 9711 and draft-ietf-rats-ear, by their labels.
type appraisal struct {
	Status int            `cbor:"1000,keyasint"`
	Vector map[int]int    `cbor:"1001,keyasint"`
	Policy string         `cbor:"1003,keyasint"`
	Key    map[string]any `cbor:"-70002,keyasint,omitempty"`
}

type claims struct {
	Issued   int64                `cbor:"6,keyasint"`
	Profile  string               `cbor:"265,keyasint"`
	Submods  map[string]appraisal `cbor:"266,keyasint"`
	Verifier map[int]string       `cbor:"1004,keyasint"`
}

func cwt(name string, data []byte) ([]string, error) {
	key, _, alg, err := public(name)
	if err != nil {
		return nil, err
	}

	verifier, err := cose.NewVerifier(alg, key)
	if err != nil {
		return nil, err
	}

	var msg cose.Sign1Message
	if err := msg.UnmarshalCBOR(data); err != nil {
		return nil, err
	}

	if err := msg.Verify(nil, verifier); err != nil {
		return nil, err
	}

	var c claims
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		return nil, err
	}

	if err := mode.Unmarshal(msg.Payload, &c); err != nil {
		return nil, err
	}

	if c.Profile != ear.EatProfile {
		return nil, fmt.Errorf("profile %q", c.Profile)
	}

	a, ok := c.Submods["gateway"]
	if !ok {
		return nil, fmt.Errorf("no gateway")
	}

	status, ok := ear.IntToTrustTier[a.Status]
	if !ok {
		return nil, fmt.Errorf("status %d", a.Status)
	}

	out := []string{"status " + status.String(),
		"iat " + fmt.Sprint(c.Issued), "policy " + a.Policy,
		"build " + c.Verifier[1]}

	names := []string{"instance-identity", "configuration", "executables",
		"file-system", "hardware", "runtime-opaque", "storage-opaque",
		"sourced-data"}

	for label, v := range a.Vector {
		out = append(out, fmt.Sprintf("%s %d", names[label], v))
	}

	if a.Key != nil {
		out = append(out, fmt.Sprintf("key %x", a.Key["akpub"]))
	}

	sort.Strings(out)
	return out, nil
}

func public(name string) (crypto.PublicKey, jwa.SignatureAlgorithm,
	cose.Algorithm, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, "", 0, err
	}

	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", 0, fmt.Errorf("%s is no PEM", name)
	}

	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, "", 0, err
	}

	switch k := key.(type) {
	case ed25519.PublicKey:
		return k, jwa.EdDSA, cose.AlgorithmEdDSA, nil
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize == 384 {
			return k, jwa.ES384, cose.AlgorithmES384, nil
		}
		return k, jwa.ES256, cose.AlgorithmES256, nil
	}

	return nil, "", 0, fmt.Errorf("what key is in %s?", name)
}
