package okta

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

func TestChangingTheNetworkSendsAllElseBackAsItWas(t *testing.T) {
	clock := at("2026-11-24T09:00:00Z")
	org := oktatest.Start(oktatest.Config{Credential: canary, Now: func() time.Time { return clock },
		Tokens: []oktatest.Token{{
			ID: oktatest.TokenID(1), Name: "deploy", UserID: oktatest.UserID(1), ClientName: "Okta API",
			Created: at("2026-11-01T00:00:00Z"), LastUsed: at("2026-11-10T12:00:00Z"),
		}}})
	c := connect(t, org)
	before, err := c.Token(t.Context(), oktatest.TokenID(1))
	require.NoError(t, err)
	zone := Condition{Connection: "ZONE", Include: []string{"nzo1a2b3c4d5e6f7g8h9"}}
	after, err := c.SetNetwork(t.Context(), before, zone)
	require.NoError(t, err)

	sent := org.Requests()[1]
	require.Equal(t, []string{http.MethodPut, "/api/v1/api-tokens/" + before.ID, "application/json"},
		[]string{sent.Method, sent.Path, sent.Header.Get("Content-Type")})
	require.JSONEq(t, `{"name":"deploy","clientName":"Okta API","userId":"`+oktatest.UserID(1)+
		`","created":"2026-11-01T00:00:00.000Z",
		"network":{"connection":"ZONE","include":["nzo1a2b3c4d5e6f7g8h9"]}}`, string(sent.Body))

	want := before
	want.Network, want.LastUpdated = Some(Network{Connection: Some("ZONE"), Include: Some(zone.Include)}), Some(clock)
	require.Equal(t, want, after, "only the network and lastUpdated moved")
	require.Equal(t, before.LastUsed(), after.LastUsed(), "an edit is not a use")
}

func TestAFieldThatATokenLacksIsNotSentBack(t *testing.T) {
	body, err := json.Marshal(writable(Token{ID: "x", Name: Some("n")}, Condition{Connection: "ANYWHERE"}))
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"n","network":{"connection":"ANYWHERE"}}`, string(body))
}

func TestWhatCannotBeSentBackAsItIsKeepsFromAChange(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(1, time.Now())})
	c := connect(t, org)
	whole := Token{ID: org.Tokens()[0].ID, Name: Some("n")}
	require.NoError(t, whole.CheckWritable())
	for want, spoil := range map[string]func(*Token){
		"its name is missing":         func(t *Token) { t.Name = Opt[string]{} },
		"its name is malformed":       func(t *Token) { t.Name = Unreadable[string]() },
		"its clientName is malformed": func(t *Token) { t.ClientName = Unreadable[string]() },
		"its userId is malformed":     func(t *Token) { t.UserID = Unreadable[string]() },
		"its created is malformed":    func(t *Token) { t.Created = Unreadable[time.Time]() },
	} {
		token := whole
		spoil(&token)
		require.ErrorContains(t, token.CheckWritable(), want)
		_, err := c.SetNetwork(t.Context(), token, Condition{Connection: "ANYWHERE"})
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, org.Requests(), "nothing was sent")
}

func TestARevokedTokenIsGone(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(2, time.Now())})
	c := connect(t, org)
	id := org.Tokens()[0].ID
	require.NoError(t, c.Revoke(t.Context(), id))
	_, err := c.Token(t.Context(), id)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, c.Revoke(t.Context(), id), ErrNotFound)
	require.Equal(t, "close", connectionOf(org.Requests()[0]), "a change gets a connection of its own")
}

// connectionOf is what a request said of its connection; net/http takes the header off on arrival.
func connectionOf(r oktatest.Request) string {
	if v := r.Header.Get("Connection"); v != "" {
		return v
	}
	return "keep-alive"
}

func TestTheCurrentTokenCanBeRevoked(t *testing.T) {
	own := oktatest.Token{ID: oktatest.TokenID(1), Name: "own", UserID: oktatest.UserID(1)}
	org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), OwnToken: own.ID,
		Tokens: []oktatest.Token{own}})
	c := connect(t, org)
	require.NoError(t, c.RevokeCurrent(t.Context()))
	_, err := c.Me(t.Context())
	require.ErrorIs(t, err, ErrUnauthorized)
}

func TestAReaderHasNoMethodThatChangesAnything(t *testing.T) {
	var names []string
	for m := range reflect.TypeFor[*Reader]().Methods() {
		names = append(names, m.Name)
	}
	require.Equal(t, []string{"Allowed", "Budget", "ClockOffset", "List", "Login", "Me", "OrgURL", "Organization",
		"Owner", "Profile", "Roles", "Token", "User", "Zone"}, names)
}

func TestOldTLSAndUnknownCertificatesAreRefusedAtOnce(t *testing.T) {
	asked := 0
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
	old.Config.ErrorLog = quiet
	old.StartTLS()
	defer old.Close()
	selfSigned := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	selfSigned.Config.ErrorLog = quiet
	selfSigned.StartTLS()
	defer selfSigned.Close()

	_, err := dial(t, Options{OrgURL: selfSigned.URL}).Me(t.Context())
	require.ErrorContains(t, err, "GET /api/v1/users/me: tls: failed to verify certificate")
	require.NotContains(t, err.Error(), "attempts")
	c := dial(t, Options{OrgURL: old.URL})
	_, err = c.Me(t.Context())
	require.ErrorContains(t, err, "protocol version not supported")
	require.Zero(t, asked)
}

func TestTheClockOfTheOrgIsLearnt(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Hour, -48 * time.Hour} {
		org := oktatest.Start(oktatest.Config{Credential: canary, Me: oktatest.UserID(1), Now: func() time.Time {
			return time.Now().Add(ahead)
		}})
		c := connect(t, org)
		_, ok := c.ClockOffset()
		require.False(t, ok)
		_, err := c.Me(t.Context())
		require.NoError(t, err)
		offset, ok := c.ClockOffset()
		require.True(t, ok)
		require.InDelta(t, ahead.Seconds(), offset.Seconds(), 1)
	}
}

func TestTheClockNarrowsWithEachAnswerAndForgetsWhenItIsSet(t *testing.T) {
	var c clock
	base := at("2026-11-24T09:00:00Z")
	const ahead = 90*time.Second + 250*time.Millisecond
	for i := range 50 { // answers at fifty different fractions of a second, each 10 ms on the way
		sent := base.Add(time.Duration(i) * 1017 * time.Millisecond)
		c.observe(sent.Add(5*time.Millisecond+ahead).Truncate(time.Second), sent, sent.Add(10*time.Millisecond))
	}
	offset, ok := c.offset()
	require.True(t, ok)
	require.InDelta(t, ahead.Seconds(), offset.Seconds(), 0.03)
	require.False(t, c.ours(base).Before(base.Add(-ahead)), "never too early")

	c.observe(base, base, base)
	offset, _ = c.offset()
	require.InDelta(t, 0, offset.Seconds(), 1)
}
