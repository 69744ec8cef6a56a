package oktatest

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// OAuth is the org's own authorization server, and how the API takes its access tokens. The zero OAuth knows no
// service app.
type OAuth struct {
	Apps []App

	// TokenLife is how long access tokens last; 0 means an hour, as Okta's do.
	TokenLife time.Duration
	// TokenPrefix is what each access token begins with, for tests that look for them where they must not be.
	TokenPrefix string

	// NonceLife is how often the nonce for proofs of possession changes; 0 means a day, as Okta's does. One that
	// has changed is accepted for twice as long again.
	NonceLife time.Duration
	// APINonce says that the API wants a nonce in proofs, too, which Okta's does not do today.
	APINonce bool
	// NonceOnce makes each nonce valid for one use, as RFC 9449, section 8.2, allows, at the token endpoint and the
	// API, which then wants one, too: each answer brings another.
	NonceOnce bool
	// NonceFirst says that the token endpoint asks for a nonce where the whole proof is missing.
	NonceFirst bool

	// ProofsByAppKey says that a proof may be signed with a key of the app that its assertions are signed with, as
	// Okta's own SDK for Node does. Okta's documentation wants another key; whether Okta insists is not known.
	ProofsByAppKey bool
}

// App is a service app.
type App struct {
	ClientID string
	Keys     []AppKey
	Scopes   []string // that are granted; okta.x.manage includes okta.x.read
	DPoP     bool     // whether it needs proofs of possession, as apps made since 2024 do unless somebody unticks it
}

// AppKey is the public part of a key that an app signs its assertions with.
type AppKey struct {
	ID     string // its kid; an assertion of an app with several keys must name one
	Public crypto.PublicKey
}

// accessToken is an access token that was given out.
type accessToken struct {
	app    string
	scopes []string
	bound  string // thumbprint of the key that it is bound to, "" for a bearer token
	ends   time.Time
}

// authorization is what the authorization server remembers.
type authorization struct {
	mu     sync.Mutex
	apps   map[string]App
	tokens map[string]accessToken
	issued []string
	used   map[string]bool // ids of assertions and proofs
	nonces []nonce         // oldest first
}

type nonce struct {
	value, of string // of is the side that it was given out by
	since     time.Time
}

// The sides that take nonces, each its own alone.
const atIssuer, atAPI = "issuer", "API"

func newAuthorization(apps []App) *authorization {
	a := &authorization{apps: make(map[string]App), tokens: make(map[string]accessToken), used: make(map[string]bool)}
	for _, app := range apps {
		app.Keys, app.Scopes = slices.Clone(app.Keys), slices.Clone(app.Scopes)
		a.apps[app.ClientID] = app
	}
	return a
}

// AccessTokens returns all access tokens that were given out, the oldest first.
func (s *Server) AccessTokens() []string {
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	return slices.Clone(s.auth.issued)
}

// EndAccessTokens ends all access tokens that were given out so far.
func (s *Server) EndAccessTokens() {
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	clear(s.auth.tokens)
}

// ChangeNonce makes a new nonce, and none from before is taken any more.
func (s *Server) ChangeNonce() {
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	s.auth.nonces = nil
}

// SetApp adds a service app, or replaces the one with that client id. Access tokens that it has keep their scopes.
func (s *Server) SetApp(app App) {
	app.Keys, app.Scopes = slices.Clone(app.Keys), slices.Clone(app.Scopes)
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	s.auth.apps[app.ClientID] = app
}

// RemoveApp deactivates a service app, but none of its access tokens. It reports whether there was one.
func (s *Server) RemoveApp(clientID string) bool {
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	_, ok := s.auth.apps[clientID]
	delete(s.auth.apps, clientID)
	return ok
}

// once takes note of the id of an assertion or a proof, and reports false if it was there before.
func (a *authorization) once(kind, id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := kind + " " + id
	if a.used[key] {
		return false
	}
	a.used[key] = true
	return true
}

// nonce is the one of a side that is in force at now, or a new one.
func (c *call) nonce(of string, now time.Time) string {
	life := c.cfg.OAuth.NonceLife
	if life <= 0 {
		life = day
	}
	c.auth.mu.Lock()
	defer c.auth.mu.Unlock()
	n := &c.auth.nonces
	*n = slices.DeleteFunc(*n, func(old nonce) bool { return now.Sub(old.since) >= 3*life })
	if !c.cfg.OAuth.NonceOnce {
		for _, old := range slices.Backward(*n) {
			if old.of == of && now.Sub(old.since) < life {
				return old.value
			}
		}
	}
	*n = append(*n, nonce{random(12), of, now})
	return (*n)[len(*n)-1].value
}

// takes reports whether a nonce in a proof is one of those that a side has given out and that still hold.
func (c *call) takes(of, value string) bool {
	c.auth.mu.Lock()
	defer c.auth.mu.Unlock()
	i := slices.IndexFunc(c.auth.nonces, func(n nonce) bool { return n.of == of && n.value == value })
	if i >= 0 && c.cfg.OAuth.NonceOnce {
		c.auth.nonces = slices.Delete(c.auth.nonces, i, i+1)
	}
	return i >= 0
}

// random is not predictable, unlike the other ids of the fake: it is what makes a credential.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenEndpoint is the path of the authorization server's token endpoint.
const tokenEndpoint = "/oauth2/v1/token"

// refusal is an error of OAuth: RFC 6749, section 5.2.
type refusal struct {
	status            int
	code, description string
}

func (c *call) refuse(r refusal) answer {
	return answer{status: r.status, header: c.header, body: encode(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{r.code, r.description})}
}

var wantsNonce = refusal{400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof."}

func badClient(description string) *refusal { return &refusal{401, "invalid_client", description} }

func badRequest(description string) *refusal { return &refusal{400, "invalid_request", description} }

// algorithms are those that Okta takes in assertions and proofs.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

// issue answers the token endpoint.
func (c *call) issue() answer {
	if c.req.Method != http.MethodPost {
		return c.fail(badMethod)
	}
	form, no := c.form()
	if no != nil {
		return c.refuse(*no)
	}
	now := c.cfg.Now()
	app, no := c.client(form.Get("client_assertion"), now)
	if no != nil {
		return c.refuse(*no)
	}
	bound := ""
	if len(c.req.Header.Values("DPoP")) > 0 || app.DPoP {
		if len(c.req.Header.Values("DPoP")) == 0 && c.cfg.OAuth.NonceFirst {
			c.header.Set("Dpop-Nonce", c.nonce(atIssuer, now))
			return c.refuse(wantsNonce)
		}
		p, why := c.proof(now)
		if why != "" {
			return c.refuse(refusal{400, "invalid_dpop_proof", why})
		}
		c.header.Set("Dpop-Nonce", c.nonce(atIssuer, now))
		if !c.cfg.OAuth.ProofsByAppKey && p.isKeyOf(app) {
			return c.refuse(refusal{400, "invalid_dpop_proof",
				"The DPoP proof JWT is signed with a key of the client."})
		}
		if !c.takes(atIssuer, p.Nonce) {
			return c.refuse(wantsNonce)
		}
		bound = p.thumbprint
	}
	scopes, no := grant(app, form.Get("scope"))
	if no != nil {
		return c.refuse(*no)
	}
	return c.give(accessToken{app: app.ClientID, scopes: scopes, bound: bound}, now)
}

// form reads the parameters, each of which must be there once and nothing else.
func (c *call) form() (url.Values, *refusal) {
	kind, _, err := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	switch {
	case err != nil || kind != "application/x-www-form-urlencoded":
		return nil, badRequest("The content type must be application/x-www-form-urlencoded.")
	case c.req.URL.RawQuery != "":
		return nil, badRequest("Parameters must be in the body.")
	case c.req.Header.Get("Authorization") != "":
		return nil, badRequest("Cannot supply multiple client credentials.")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, badRequest("The body is not a form.")
	}
	for name, values := range form {
		if len(values) != 1 {
			return nil, badRequest("The parameter " + name + " must be given once.")
		}
	}
	switch {
	case form.Get("grant_type") != "client_credentials":
		return nil, &refusal{400, "unsupported_grant_type",
			"The authorization grant type is not supported by the authorization server."}
	case form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return nil, badRequest("The client_assertion_type is invalid.")
	case form.Get("scope") == "":
		return nil, &refusal{400, "invalid_scope",
			"The authorization server resource does not have any configured default scopes, 'scope' must be provided."}
	}
	return form, nil
}

// known are the scopes that the authorization server has.
var known = []string{
	"okta.apiTokens.read", "okta.apiTokens.manage", "okta.users.read", "okta.users.manage", "okta.roles.read",
	"okta.roles.manage",
	"okta.networkZones.read", "okta.networkZones.manage", "okta.logs.read", "okta.orgs.read", "okta.agentPools.read",
}

// grant gives the scopes that are asked for and granted to the app.
func grant(app App, asked string) (scopes []string, _ *refusal) {
	for scope := range strings.SplitSeq(asked, " ") {
		switch {
		case !slices.Contains(known, scope):
			return nil, &refusal{400, "invalid_scope",
				"One or more scopes are not configured for the authorization server resource."}
		case slices.Contains(app.Scopes, scope) && !slices.Contains(scopes, scope):
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return nil, &refusal{400, "consent_required", "You are not allowed any of the requested scopes."}
	}
	return scopes, nil
}

func (c *call) give(t accessToken, now time.Time) answer {
	life := c.cfg.OAuth.TokenLife
	if life <= 0 {
		life = time.Hour
	}
	t.ends = now.Add(life)
	value := or(c.cfg.OAuth.TokenPrefix, "eyJ") + random(24) + "." + random(24) + "." + random(24)
	c.auth.mu.Lock()
	c.auth.tokens[value] = t
	c.auth.issued = append(c.auth.issued, value)
	c.auth.mu.Unlock()
	kind := "Bearer"
	if t.bound != "" {
		kind = "DPoP"
	}
	return c.ok(encode(struct {
		Type   string `json:"token_type"`
		Life   int    `json:"expires_in"`
		Token  string `json:"access_token"`
		Scopes string `json:"scope"`
	}{kind, int(life / time.Second), value, strings.Join(t.scopes, " ")}))
}
