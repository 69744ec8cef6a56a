// Command fake runs an Okta org of okta/oktatest for a test in any language. It writes one line of JSON, which says
// where the org is and what there is in it, and then answers each line on its standard input with one:
//
//	requests   the requests so far, as JSON, which are forgotten then
//	limit      the next request is answered 429, in a window of at most a second: ok
//
// It ends with its standard input.
package main

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"tokensweep/okta/oktatest"
)

const credential, clientID, keyID = "00credential-of-the-sdks", "0oa1fk000000000001d7", "sdks"

// described is what a test has to know of the org.
type described struct {
	URL        string   `json:"url"`
	Token      string   `json:"token"`
	ClientID   string   `json:"clientId"`
	KeyID      string   `json:"keyId"`
	PrivateKey string   `json:"privateKey"` // PEM, PKCS#8
	Tokens     []string `json:"tokens"`
	Users      []string `json:"users"` // the first has a standard and two custom roles, one through a group
	Zones      []string `json:"zones"`
}

// request is a request, as a test looks at it.
type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
	Scheme string `json:"scheme"` // of the credential: SSWS, Bearer, DPoP or ""
	Status int    `json:"status"`
}

func main() {
	byAppKey := flag.Bool("proofs-by-app-key", false, "take DPoP proofs that are signed with the app's key")
	flag.Parse()
	if err := serve(*byAppKey); err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(1)
	}
}

func serve(byAppKey bool) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	org := oktatest.Start(config(key, byAppKey))
	defer org.Close()
	out := json.NewEncoder(os.Stdout)
	d := described{URL: org.URL(), Token: credential, ClientID: clientID, KeyID: keyID,
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}
	for n := range 5 {
		d.Tokens = append(d.Tokens, oktatest.TokenID(n))
	}
	for n := range 3 {
		d.Users, d.Zones = append(d.Users, oktatest.UserID(n)), append(d.Zones, zoneID(n))
	}
	if err := out.Encode(d); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch lines.Text() {
		case "requests":
			err = out.Encode(requests(org))
		case "limit":
			org.Fault(oktatest.Fault{Status: http.StatusTooManyRequests, Times: 1})
			err = out.Encode("ok")
		default:
			err = fmt.Errorf("there is no command %q", lines.Text())
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func config(key *rsa.PrivateKey, byAppKey bool) oktatest.Config {
	c := oktatest.Config{
		Credential: credential, Me: oktatest.UserID(0), PageSize: 2,
		RateLimit: oktatest.RateLimit{Limit: 1000, Window: time.Second},
		OAuth: oktatest.OAuth{ProofsByAppKey: byAppKey, Apps: []oktatest.App{{
			ClientID: clientID, Keys: []oktatest.AppKey{{ID: keyID, Public: key.Public()}}, DPoP: true,
			Scopes: []string{"okta.apiTokens.manage", "okta.users.read", "okta.roles.read", "okta.networkZones.read"},
		}}},
	}
	created := time.Now().AddDate(0, 0, -10).Truncate(time.Second) // as Okta's times are
	for n := range 5 {
		c.Tokens = append(c.Tokens, oktatest.Token{ID: oktatest.TokenID(n), Name: fmt.Sprint("token ", n),
			UserID: oktatest.UserID(0), Created: created,
			Network: oktatest.Network{Connection: "ZONE", Include: []string{zoneID(0)}}})
	}
	for n := range 3 {
		c.Users = append(c.Users, oktatest.User{ID: oktatest.UserID(n), Login: fmt.Sprintf("user-%d@acme.example", n),
			FirstName: "Kim", LastName: "Lee", Created: created})
		c.Zones = append(c.Zones, oktatest.Zone{ID: zoneID(n), Name: fmt.Sprint("zone ", n),
			Proxies: []string{"198.51.100.0-198.51.100.9"}})
	}
	c.Users[0].Roles = []string{"SUPER_ADMIN"}
	c.Users[0].Assigned = []oktatest.Role{
		{Type: "CUSTOM", Label: "Helpers", ID: "cr0Yq6IJxGIr0ouum0g3", ResourceSet: "iamoJDFKaJxGIr0oamd9g"},
		{Type: "CUSTOM", Label: "Auditors", Group: "00g1ousb3XCr9Dkr20g4"},
	}
	return c
}

func zoneID(n int) string { return fmt.Sprintf("nzo1fk00000000000%d1d7", n) }

func requests(org *oktatest.Server) []request {
	list := []request{}
	for _, r := range org.Requests() {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		list = append(list, request{r.Method, r.Path, r.Query, scheme, r.Status})
	}
	org.ResetRequests()
	return list
}
