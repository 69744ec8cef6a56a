// Package sdks runs Okta's own SDK for Go against oktatest, as sdk.test.mjs does with the one for Node: what an SDK
// can't read, or can't log in to, is no Okta.
package sdks

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/okta/okta-sdk-golang/v5/okta"
	"github.com/stretchr/testify/require"
)

// org is the fake as a process: see fake/main.go.
type org struct {
	t     *testing.T
	in    io.Writer
	lines *bufio.Scanner

	URL, Token, ClientID, KeyID, PrivateKey string
	Tokens, Users, Zones                    []string
}

// request is one that the org has had.
type request struct {
	Method, Path, Query, Scheme string
	Status                      int
}

// start starts an org. FAKE names the program; ./run builds it.
func start(t *testing.T) *org {
	t.Helper()
	c := exec.Command(os.Getenv("FAKE"))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = in.Close()
		require.NoError(t, c.Wait())
	})
	o := &org{t: t, in: in, lines: bufio.NewScanner(out)}
	o.lines.Buffer(nil, 1<<20)
	o.read(o)
	return o
}

func (o *org) read(into any) {
	o.t.Helper()
	require.True(o.t, o.lines.Scan(), "the org has ended")
	require.NoError(o.t, json.Unmarshal(o.lines.Bytes(), into))
}

// ask writes a command and reads its answer.
func (o *org) ask(command string, into any) {
	o.t.Helper()
	_, err := io.WriteString(o.in, command+"\n")
	require.NoError(o.t, err)
	o.read(into)
}

// requests are those since the last time.
func (o *org) requests() (list []request) {
	o.t.Helper()
	o.ask("requests", &list)
	return list
}

// limit lets the next request be answered 429.
func (o *org) limit() {
	o.t.Helper()
	var said string
	o.ask("limit", &said)
	require.Equal(o.t, "ok", said)
}

// client is an SDK's client. The SDK drops the port of an org's URL, so that every connection is led to the fake.
func (o *org) client(with ...okta.ConfigSetter) *okta.APIClient {
	o.t.Helper()
	at, err := url.Parse(o.URL)
	require.NoError(o.t, err)
	var d net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, at.Host)
	}}
	o.t.Cleanup(transport.CloseIdleConnections)
	config, err := okta.NewConfiguration(append(with, okta.WithOrgUrl("http://"+at.Hostname()), okta.WithCache(false),
		okta.WithHttpClientPtr(&http.Client{Transport: transport, Timeout: time.Minute}))...)
	require.NoError(o.t, err)
	return okta.NewAPIClient(config)
}

// logins are the ways to log in.
func (o *org) logins() map[string][]okta.ConfigSetter {
	return map[string][]okta.ConfigSetter{
		"SSWS": {okta.WithToken(o.Token)},
		"DPoP": {okta.WithAuthorizationMode("PrivateKey"), okta.WithClientId(o.ClientID),
			okta.WithPrivateKeyId(o.KeyID), okta.WithPrivateKey(o.PrivateKey), okta.WithScopes([]string{
				"okta.apiTokens.manage", "okta.users.read", "okta.roles.read", "okta.networkZones.read"})},
	}
}

// all reads a list to its end.
func all[T any](t *testing.T, list []T, r *okta.APIResponse, err error) []T {
	t.Helper()
	require.NoError(t, err)
	for r.HasNextPage() {
		var more []T
		r, err = r.Next(&more)
		require.NoError(t, err)
		list = append(list, more...)
	}
	return list
}

func TestTheSDKForGoKnowsTheFakeForAnOrg(t *testing.T) {
	for scheme := range (&org{}).logins() {
		t.Run(scheme, func(t *testing.T) {
			o := start(t)
			c := o.client(o.logins()[scheme]...)
			readsTokens(t, o, c)
			readsUsersAndZones(t, o, c)
			readsRoles(t, o, c)
			revokes(t, o, c)
			login := 0
			for _, r := range o.requests() {
				if r.Path == "/oauth2/v1/token" {
					login++
					continue
				}
				require.Equal(t, scheme, r.Scheme)
			}
			require.Equal(t, map[string]int{"SSWS": 0, "DPoP": 3}[scheme], login, "without a proof, with one, with a "+
				"nonce")
		})
	}
}

func readsTokens(t *testing.T, o *org, c *okta.APIClient) {
	t.Helper()
	tokens, r, err := c.ApiTokenAPI.ListApiTokens(t.Context()).Execute()
	var ids []string
	for _, token := range all(t, tokens, r, err) {
		ids = append(ids, token.GetId())
		require.Equal(t, "Okta API", token.GetClientName())
		require.Equal(t, 30*24*time.Hour, token.GetExpiresAt().Sub(token.GetCreated()))
	}
	require.ElementsMatch(t, o.Tokens, ids)
	one, _, err := c.ApiTokenAPI.GetApiToken(t.Context(), o.Tokens[0]).Execute()
	require.NoError(t, err)
	require.Equal(t, o.Users[0], one.GetUserId())
	require.Equal(t, []string{o.Zones[0]}, one.GetNetwork().Include)
}

func readsUsersAndZones(t *testing.T, o *org, c *okta.APIClient) {
	t.Helper()
	users, r, err := c.UserAPI.ListUsers(t.Context()).Limit(2).Execute()
	var ids []string
	for _, user := range all(t, users, r, err) {
		ids = append(ids, user.GetId())
		require.Equal(t, "ACTIVE", user.GetStatus())
		require.Equal(t, "Kim", user.Profile.GetFirstName())
	}
	require.ElementsMatch(t, o.Users, ids)
	zones, r, err := c.NetworkZoneAPI.ListNetworkZones(t.Context()).Limit(2).Execute()
	ids = nil
	for _, zone := range all(t, zones, r, err) {
		ids = append(ids, zone.IPNetworkZone.GetId())
		require.Equal(t, "198.51.100.0-198.51.100.9", zone.IPNetworkZone.GetProxies()[0].GetValue())
	}
	require.ElementsMatch(t, o.Zones, ids)
	_, r, err = c.UserAPI.ListUsers(t.Context()).Search(`status eq "ACTIVE"`).Execute()
	require.Error(t, err, "the fake doesn't search, and says so")
	require.Equal(t, http.StatusBadRequest, r.StatusCode)
}

func readsRoles(t *testing.T, o *org, c *okta.APIClient) {
	t.Helper()
	roles, _, err := c.RoleAssignmentAPI.ListAssignedRolesForUser(t.Context(), o.Users[0]).Execute()
	require.NoError(t, err)
	var found [][]string
	for _, role := range roles {
		found = append(found, []string{role.GetType(), role.GetLabel(), role.GetAssignmentType(), role.GetStatus()})
	}
	require.Equal(t, [][]string{{"SUPER_ADMIN", "Super Administrator", "USER", "ACTIVE"},
		{"CUSTOM", "Helpers", "USER", "ACTIVE"}, {"CUSTOM", "Auditors", "GROUP", "ACTIVE"}}, found)
	// This SDK is of 2024 and knows no fields of custom roles: it keeps them as they are.
	require.Equal(t, "cr0Yq6IJxGIr0ouum0g3", roles[1].AdditionalProperties["role"])
	require.Equal(t, "iamoJDFKaJxGIr0oamd9g", roles[1].AdditionalProperties["resource-set"])
}

func revokes(t *testing.T, o *org, c *okta.APIClient) {
	t.Helper()
	r, err := c.ApiTokenAPI.RevokeApiToken(t.Context(), o.Tokens[4]).Execute()
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, r.StatusCode)
	_, r, err = c.ApiTokenAPI.GetApiToken(t.Context(), o.Tokens[4]).Execute()
	require.Error(t, err)
	require.Equal(t, http.StatusNotFound, r.StatusCode)
	tokens, r, err := c.ApiTokenAPI.ListApiTokens(t.Context()).Execute()
	require.Len(t, all(t, tokens, r, err), 4)
}

// The SDK waits until the reset that the answer names, and asks again. It does so with the proof that it had: the fake
// refuses it, as Okta does (okta-sdk-golang#554, mended in version 6).
func TestTheSDKForGoReadsARateLimit(t *testing.T) {
	for scheme, want := range map[string][]int{"SSWS": {429, 200}, "DPoP": {429, 400}} {
		t.Run(scheme, func(t *testing.T) {
			o := start(t)
			c := o.client(append(o.logins()[scheme], okta.WithRateLimitMaxRetries(1),
				okta.WithRateLimitMaxBackOff(30))...)
			_, r, err := c.UserAPI.ListUsers(t.Context()).Execute()
			require.NoError(t, err)
			require.Equal(t, "1000", r.Header.Get("X-Rate-Limit-Limit"))
			o.requests()
			o.limit()
			_, r, err = c.UserAPI.ListUsers(t.Context()).Execute()
			require.Equal(t, want[1] == 200, err == nil, "%v", err)
			require.Equal(t, want[1], r.StatusCode)
			var statuses []int
			for _, q := range o.requests() {
				statuses = append(statuses, q.Status)
			}
			require.Equal(t, want, statuses)
			if want[1] == 400 {
				require.Contains(t, r.Header.Get("WWW-Authenticate"), "The DPoP proof JWT has already been used.")
			}
		})
	}
}
