package okta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ServiceApp is an OAuth 2.0 service app to log in as, by a signed assertion (private_key_jwt), which is the one
// way that Okta has for its own scopes
// (https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/). Whether proofs of
// possession (DPoP) are needed is found out.
type ServiceApp struct {
	// ClientID is the app's client id, such as 0oa1f3w86v9h8o1VZ1d7.
	ClientID string
	// Key is the private key, as PEM (PKCS#1, PKCS#8 or SEC 1, RSA or EC) or as a JWK.
	Key Secret
	// KeyID is the id that Okta shows for the public key. "" means the kid of a JWK, or else none, which does
	// for an app with a single key.
	KeyID string
	// Scopes are what to ask for.
	Scopes Scopes
}

// Login is what a client has logged in as. The zero value is an API token, which has no scopes: it may do
// what its owner may.
type Login struct {
	// ClientID is the service app, "" for an API token.
	ClientID string
	// Algorithm is how the app's key signs, such as RS256; KeyID is the id that is sent along, or "".
	Algorithm, KeyID string
	// Granted are the scopes that were granted, Refused the optional ones that were not.
	Granted, Refused []string
	// Bound says that the access token is of no use without a key that never leaves this process (DPoP).
	Bound bool
}

// Has reports whether a scope was granted: by name, or as the right to manage what it reads.
func (l Login) Has(scope string) bool { return covers(l.Granted, scope) }

// Login logs in, unless that was done and still holds, and says as what. For an API token it sends nothing. The
// error is a *ScopeError or a *LoginError.
func (r *Reader) Login(ctx context.Context) (Login, error) {
	a := r.conn.app
	if a == nil {
		return Login{}, nil
	}
	s, err := r.conn.session(ctx)
	if err != nil {
		return Login{}, err
	}
	return Login{
		ClientID: a.id, Algorithm: a.algorithm, KeyID: a.keyID,
		Granted: s.granted, Refused: missing(a.scopes.Optional, s.granted), Bound: s.bound,
	}, nil
}

// app logs in as a service app, and keeps what that brought.
type app struct {
	id, algorithm, keyID string
	scopes               Scopes
	identity, possession jose.Signer
	// loginLock is held by whoever logs in; a channel, so that waiting for it ends with a context.
	loginLock chan struct{}

	mu      sync.Mutex
	current session
	before  Secret // the access token before, which answers may still repeat
	bound   bool   // Okta wants proofs at the token endpoint

	tokenNonces, apiNonces nonces
}

// session is an access token and what it is good for. The zero value has ended.
type session struct {
	token       Secret
	bound       bool
	granted     []string
	renew, ends time.Time
}

// CheckClientID refuses what can be no client id of a service app. The error shows nothing of it: a key may have been
// put there.
func CheckClientID(id string) error {
	switch {
	case id == "":
		return errors.New("the client id of the service app is empty")
	case len(id) > 100 || !visible.MatchString(id) || strings.Contains(id, "-----"):
		return errors.New("the client id of the service app is none: Okta's have 20 letters and digits, such as " +
			"0oa1f3w86v9h8o1VZ1d7")
	}
	return nil
}

func newApp(o ServiceApp) (*app, error) {
	if err := CheckClientID(o.ClientID); err != nil {
		return nil, err
	}
	if len(o.Scopes.asked(asking{})) == 0 {
		return nil, errors.New("a service app needs scopes to ask for")
	}
	key, err := parseKey(o.Key, o.KeyID)
	if err != nil {
		return nil, fmt.Errorf("the private key of the service app can't be used: %w", err)
	}
	identity, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("the private key of the service app can't be used to sign")
	}
	possession, err := newProver()
	if err != nil {
		return nil, err
	}
	return &app{
		id: o.ClientID, algorithm: string(key.Algorithm), keyID: key.Key.(jose.JSONWebKey).KeyID, scopes: o.Scopes,
		identity: identity, possession: possession, loginLock: make(chan struct{}, 1),
	}, nil
}

// Format prints the client id alone, for every verb: the rest holds keys.
func (a *app) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "service app "+Printable(a.id)) }

// scrub removes the access tokens from a text that came from outside.
func (a *app) scrub(text string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.before.Scrub(a.current.token.Scrub(text))
}

// end ends a session whose access token the API does not take any more.
func (a *app) end(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current.token.Reveal() == token {
		a.before, a.current = a.current.token, session{}
	}
}

// lacks reports whether a scope is known not to be granted. Without a session, and for an API token, nothing is.
func (c *conn) lacks(scope string) bool {
	if c.app == nil {
		return false
	}
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	s := c.app.current
	return !s.token.IsZero() && !covers(s.granted, scope)
}

// session returns one that holds, and logs in for it if need be: before the access token ends, so that no request is
// refused for it. One goroutine does that while the others wait.
func (c *conn) session(ctx context.Context) (session, error) {
	a := c.app
	select {
	case a.loginLock <- struct{}{}:
		defer func() { <-a.loginLock }()
	case <-ctx.Done():
		return session{}, context.Cause(ctx)
	}
	a.mu.Lock()
	held := a.current
	a.mu.Unlock()
	now := time.Now()
	if now.Before(held.renew) && now.Before(held.ends) {
		return held, nil
	}
	fresh, err := c.logIn(ctx)
	var refused *LoginError
	switch {
	case err == nil:
	case errors.As(err, &refused) && !refused.Refused && now.Before(held.ends):
		// Okta, or the way there, is in trouble. What there is holds for a while.
		fresh = held
		fresh.renew = now.Add(renewAgain)
	default:
		return session{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !held.token.IsZero() && fresh.token != held.token {
		a.before = held.token
	}
	a.current = fresh
	return fresh, nil
}

// authorize puts the credential into a request, and the proof that goes with it. Each attempt needs a proof of its
// own, so this is done for each. nonce is the one that the request was challenged to use, "" if it wasn't.
func (c *conn) authorize(ctx context.Context, req *http.Request, nonce string) error {
	if c.app == nil {
		req.Header.Set("Authorization", "SSWS "+c.token.Reveal())
		return nil
	}
	s, err := c.session(ctx)
	if err != nil {
		return err
	}
	if !s.bound {
		req.Header.Set("Authorization", "Bearer "+s.token.Reveal())
		return nil
	}
	nonce = c.app.apiNonces.next(nonce)
	proof, err := c.app.proof(req.Method, bareURL(req), s.token.Reveal(), nonce, c.clock.earliest(time.Now()))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "DPoP "+s.token.Reveal())
	req.Header.Set("DPoP", proof)
	return nil
}

// bareURL is what a request really asks for, without the query.
func bareURL(req *http.Request) string {
	u := *req.URL
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
