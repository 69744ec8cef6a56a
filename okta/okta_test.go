package okta

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// canary is the credential of all tests here: .ci/run searches the output of the whole suite for it.
const canary = "00canaryCANARYcanaryCANARYcanaryCANARY0000"

// connect makes a client for a fake org over real HTTP.
func connect(t *testing.T, org *oktatest.Server) *Client {
	t.Helper()
	t.Cleanup(org.Close)
	return dial(t, Options{OrgURL: org.URL(), RateShare: 1})
}

func dial(t *testing.T, o Options) *Client {
	t.Helper()
	o.Token = NewSecret(canary)
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(c.conn.reads.CloseIdleConnections)
	return c
}

// replay serves one of the recorded answers, whatever is asked, and counts the requests.
func replay(t *testing.T, file string) (*Client, *atomic.Int32) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	asked := new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil {
			panic(err)
		}
		defer func() { _ = resp.Body.Close() }()
		for name, lines := range resp.Header {
			w.Header()[name] = lines
		}
		w.WriteHeader(resp.StatusCode)
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		_, _ = w.Write(body.Bytes())
	}))
	t.Cleanup(server.Close)
	return dial(t, Options{OrgURL: server.URL}), asked
}

// at reads a time of these tests.
func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// collect reads a whole listing.
func collect(l *Listing) (tokens []Token, err error) {
	err = l.Read(func() func(Token) error {
		tokens = nil
		return func(t Token) error { tokens = append(tokens, t); return nil }
	})
	return tokens, err
}

func TestTheRecordedListIsReadWhole(t *testing.T) {
	c, asked := replay(t, "list-api-tokens.http")
	l := c.List(t.Context(), ListOptions{})
	tokens, err := collect(l)
	require.NoError(t, err)
	require.Len(t, tokens, 4)
	require.Equal(t, Token{
		ID: "00T1fgddrrL0btPWo1d7", Name: Some("ci-runner"), UserID: Some("00ule6lkthEwcYeFf1d7"),
		ClientName: Some("Okta API"),
		Created:    Some(at("2025-09-25T08:14:13Z")), LastUpdated: Some(at("2025-09-29T07:14:41Z")),
		ExpiresAt:   Some(at("2025-10-29T07:14:41Z")),
		TokenWindow: Some(30 * 24 * time.Hour), Network: Some(Network{Connection: Some("ANYWHERE")}),
	}, tokens[1])
	require.Equal(t, Some(at("2025-09-29T07:14:41Z")), tokens[1].LastUsed())
	require.Equal(t, Some(false), tokens[1].NeverUsed())
	require.Equal(t, Some(true), tokens[0].NeverUsed())
	require.Equal(t, at("2025-09-29T07:14:55Z"), l.Date)
	require.Equal(t, []int{1, 4, 0}, []int{l.Pages, l.Tokens, l.Duplicates})
	require.EqualValues(t, 2, asked.Load(), "the list, and whether the org pages")
}

func TestTheRecordedTokenIsReadWithItsZone(t *testing.T) {
	c, _ := replay(t, "get-api-token-in-zone.http")
	token, err := c.Token(t.Context(), "00T1gtr35t8ZbfBfV1d7")
	require.NoError(t, err)
	require.Equal(t, Some(Network{Connection: Some("ZONE"), Exclude: Some([]string{"nzonkw1sfwwiH9Hxt1d7"})}),
		token.Network)
	require.Equal(t, Some(true), token.NeverUsed(), "an edit moves lastUpdated, not the derived last use")
	require.Equal(t, Some(at("2025-11-06T08:22:21Z")), token.LastUpdated)
}

func TestAnAnswerAboutAnotherTokenIsAnError(t *testing.T) {
	c, _ := replay(t, "get-api-token.http")
	_, err := c.Token(t.Context(), "00T1gtr35t8ZbfBfV1d7")
	require.EqualError(t, err,
		`GET /api/v1/api-tokens/00T1gtr35t8ZbfBfV1d7: malformed answer: it is about the token "00T1f3w86v9h8o1VZ1d7"`)
}

func TestTheRecordedUserAndRolesAreRead(t *testing.T) {
	c, _ := replay(t, "get-user.http")
	user, err := c.User(t.Context(), "00ukwqslr2M51MyjG1d7")
	require.NoError(t, err)
	require.Equal(t, User{
		ID: "00ukwqslr2M51MyjG1d7", Status: Some("PROVISIONED"),
		Login: Some("testAcc-436654283@example.com"), Email: Some("testAcc-436654283@example.com"),
	}, user)

	c, _ = replay(t, "get-user-roles.http")
	roles, err := c.Roles(t.Context(), "00ukwqslr2M51MyjG1d7")
	require.NoError(t, err)
	require.Equal(t, []Role{{"APP_ADMIN", true}, {"SUPER_ADMIN", true}}, roles)
}

func TestWhatIsKnownOfAnOwner(t *testing.T) {
	id := oktatest.UserID(1)
	known := oktatest.User{ID: id, Login: "kim@acme.example", Roles: []string{"SUPER_ADMIN"},
		LastLogin: at("2026-11-01T00:00:00Z")}
	for _, row := range []struct {
		name  string
		fault oktatest.Fault
		want  Owner
		is    error
	}{
		{name: "everything", want: Owner{Login: Some("kim@acme.example"), Email: Some("kim@acme.example"),
			Status: Some("ACTIVE"), LastLogin: Some(known.LastLogin), Roles: Some([]string{"SUPER_ADMIN"})}},
		{name: "gone", fault: oktatest.Fault{Path: "/api/v1/users/" + id, Status: 404},
			want: Owner{Gone: true, Unknown: "the owner does not exist any more",
				RolesUnknown: "the owner does not exist any more"}},
		{name: "no scope for users", fault: oktatest.Fault{Path: "/api/v1/users/" + id, Status: 403},
			want: Owner{Unknown: "owner not readable: permission or scope okta.users.read missing",
				Roles: Some([]string{"SUPER_ADMIN"})}},
		{name: "no scope for roles", fault: oktatest.Fault{Path: "/api/v1/users/*/roles", Status: 403},
			want: Owner{Login: Some("kim@acme.example"), Email: Some("kim@acme.example"), Status: Some("ACTIVE"),
				LastLogin:    Some(known.LastLogin),
				RolesUnknown: "roles of the owner not readable: permission or scope okta.roles.read missing"}},
		{name: "roles are a feature that the org has not", fault: oktatest.Fault{Path: "/api/v1/users/*/roles",
			Status: 401, Body: oktatest.ErrorBody("E0000015",
				"You do not have permission to access the feature you are requesting")},
			want: Owner{Login: Some("kim@acme.example"), Email: Some("kim@acme.example"), Status: Some("ACTIVE"),
				LastLogin:    Some(known.LastLogin),
				RolesUnknown: "roles of the owner not readable: the org lacks the feature"}},
		{name: "the credential refused", fault: oktatest.Fault{Path: "/api/v1/users/*", Status: 401},
			is: ErrUnauthorized},
	} {
		t.Run(row.name, func(t *testing.T) {
			org := oktatest.Start(oktatest.Config{Credential: canary, Users: []oktatest.User{known}})
			c := connect(t, org)
			if row.fault.Status != 0 {
				org.Fault(row.fault)
			}
			o, err := c.Owner(t.Context(), id)
			if row.is != nil {
				require.ErrorIs(t, err, row.is)
				return
			}
			require.NoError(t, err)
			require.Equal(t, &row.want, o)
		})
	}
}

func TestAZoneIsRead(t *testing.T) {
	const id = "nzo1a2b3c4d5e6f7g8h9"
	c := connect(t, oktatest.Start(oktatest.Config{Credential: canary,
		Zones: []oktatest.Zone{{ID: id, Name: "nobody", Status: "INACTIVE"}}}))
	zone, err := c.Zone(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, []any{id, Some("nobody"), Some("INACTIVE"), Some("POLICY")}, []any{zone.ID, zone.Name, zone.Status,
		zone.Usage})
	_, err = c.Zone(t.Context(), "nzo1a2b3c4d5e6f7g8h0")
	require.ErrorIs(t, err, ErrNotFound)
	_, err = c.Zone(t.Context(), "../users/00u")
	require.ErrorIs(t, err, ErrBadID)
}

func TestRecordedErrorsSayWhatCameBack(t *testing.T) {
	for _, row := range []struct {
		file, want string
		is         error
	}{
		{
			"unauthorized.http",
			"GET /api/v1/users/me: 401 Unauthorized, E0000004, Authentication failed (request " +
				"bb197474baed28a645884d41bd443207)",
			ErrUnauthorized,
		},
		{
			"get-api-token-unknown-id.http",
			"GET /api/v1/users/me: 404 Not Found, E0000007, Not found: Resource not found: 00Tinvalid1234567890 " +
				"(Token) (request da9b9928549b8858f105cbf5fb696f04)",
			ErrNotFound,
		},
		{
			"bad-cursor.http",
			"GET /api/v1/users/me: 400 Bad Request, E0000029, Invalid paging request.: Invalid cursor. (request " +
				"85c4cb81284342c4943ade23b53aadaf)",
			nil,
		},
	} {
		t.Run(row.file, func(t *testing.T) {
			c, asked := replay(t, row.file)
			_, err := c.Me(t.Context())
			require.EqualError(t, err, row.want)
			for _, sentinel := range []error{ErrUnauthorized, ErrForbidden, ErrNotFound} {
				require.Equal(t, is(row.is, sentinel), is(err, sentinel), "%v", sentinel)
			}
			require.EqualValues(t, 1, asked.Load(), "such an answer is not asked for again")
		})
	}
}

func TestAnOrgOf10037TokensIsReadInBothShapes(t *testing.T) {
	now := at("2026-11-24T09:00:00Z")
	all := oktatest.Many(10_037, now)
	want := make(map[string]bool)
	for _, token := range all {
		want[token.ID] = true
	}
	for name, size := range map[string]int{"paged by 200": 200, "one unpaged answer": 0} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: all, PageSize: size,
				Now: func() time.Time { return now }})
			c := connect(t, org)
			l := c.List(t.Context(), ListOptions{})
			seen := make(map[string]bool)
			tokens, err := collect(l)
			require.NoError(t, err)
			for _, token := range tokens {
				require.False(t, seen[token.ID])
				seen[token.ID] = true
			}
			require.Equal(t, want, seen)
			pages, requests := 1, 2 // the second asks whether the org pages
			if size > 0 {
				pages, requests = 51, 51
			}
			require.Equal(t, pages, l.Pages)
			require.Len(t, org.Requests(), requests)
		})
	}
}

func TestTheNextPageIsAskedForWhileTheCurrentOneIsRead(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(30, time.Now()), PageSize: 10})
	c := connect(t, org)
	second := make(chan struct{})
	org.Fault(oktatest.Fault{Page: 2, Times: 1, Then: func() { close(second) }})
	// The first page's body is cut off until the second page has been asked for: a client that reads
	// before it asks would wait for ever here.
	tokens := 0
	require.NoError(t, c.List(t.Context(), ListOptions{}).Read(func() func(Token) error {
		return func(Token) error {
			if tokens == 0 {
				<-second
			}
			tokens++
			return nil
		}
	}))
	require.Equal(t, 30, tokens)
}

func TestAListingCanBeLeftEarly(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary, Tokens: oktatest.Many(50, time.Now()), PageSize: 10})
	l := connect(t, org).List(t.Context(), ListOptions{})
	enough := errors.New("enough")
	require.Equal(t, enough, l.Read(func() func(Token) error { return func(Token) error { return enough } }))
	require.Equal(t, 1, l.Tokens)
	// The page that was read, one that waited, and one that was asked for meanwhile.
	require.LessOrEqual(t, len(org.Requests()), 3)
}

func TestListOptionsGoOntoTheWire(t *testing.T) {
	org := oktatest.Start(oktatest.Config{Credential: canary})
	c := connect(t, org)
	_, err := collect(c.List(t.Context(), ListOptions{}))
	require.NoError(t, err)
	_, err = collect(c.List(t.Context(), ListOptions{After: "a b", Limit: 7, Q: "x&y"}))
	require.NoError(t, err)
	require.Equal(t, "limit=200", org.Requests()[0].Query)
	require.Equal(t, "after=a+b&limit=7&q=x%26y", org.Requests()[1].Query)
	for _, limit := range []int{-1, 201} {
		_, err = collect(c.List(t.Context(), ListOptions{Limit: limit}))
		require.EqualError(t, err, fmt.Sprintf("bad page limit %d: want 1 to 200", limit))
	}
	require.Len(t, org.Requests(), 2)
}

// quiet swallows what test servers say of handshakes that are meant to fail.
var quiet = log.New(io.Discard, "", 0)
