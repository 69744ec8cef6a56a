package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// tokenPath is the token endpoint of the org's own authorization server, the only one that knows Okta's scopes.
	tokenPath = "/oauth2/v1/token"
	// renewBefore is how long before its end an access token is renewed at the latest. Okta's last an hour.
	renewBefore = 5 * time.Minute
	// renewAgain is when it is tried again after Okta could not be reached.
	renewAgain = 30 * time.Second
	// maxTokenLife bounds what an answer says of an access token's life.
	maxTokenLife = 24 * time.Hour
)

// LoginError is a service app that could not log in.
type LoginError struct {
	// ClientID is the service app.
	ClientID string
	// Refused says that Okta does not accept it. Then the error is an ErrUnauthorized; else Okta could not be
	// asked.
	Refused bool
	// Err says why.
	Err error
}

// Error names the service app and the cause.
func (e *LoginError) Error() string {
	return fmt.Sprintf("logging in as the service app %s: %v", Printable(e.ClientID), e.Err)
}

// Is reports whether target is ErrUnauthorized and the app was refused.
func (e *LoginError) Is(target error) bool { return e.Refused && target == ErrUnauthorized }

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// logIn gets an access token.
func (c *conn) logIn(ctx context.Context) (session, error) {
	tries := &retries{conn: c, method: http.MethodPost, path: tokenPath, deadline: time.Now().Add(callDeadline)}
	ctx, cancel := context.WithDeadline(ctx, tries.deadline)
	defer cancel()
	h := &handshake{conn: c}
	for {
		s, err := h.attempt(ctx)
		if err == nil && h.adaptTo(s) {
			continue
		}
		if err == nil {
			return c.granted(s, h)
		}
		if h.adapt(err) {
			continue
		}
		if err := tries.wait(ctx, err); err != nil {
			return session{}, c.loginFailed(err, h)
		}
	}
}

// handshake gets one access token. What the token endpoint demands is found out by asking: each demand is met once,
// since meeting it again would not help, but for nonces, which are demanded more often.
type handshake struct {
	*conn
	proofGiven bool          // in the last attempt
	skew       time.Duration // of the clocks, as taken into account in the last attempt
	how        asking        // for which scopes
	nonce      string        // for the next proof, by the challenge before

	metProof, metClock bool
	challenges         int
}

// attempt sends one request, with an assertion and a proof of its own.
func (h *handshake) attempt(ctx context.Context) (session, error) {
	if err := h.awaitRate(ctx, http.MethodPost, tokenPath, 0); err != nil {
		return session{}, err
	}
	req, err := h.tokenRequest(ctx)
	if err != nil {
		h.pace.release(tokenPath, nil, &h.clock)
		return session{}, h.unanswered(ctx, http.MethodPost, tokenPath, err)
	}
	began := time.Now()
	resp, err := h.send(h.reads, req, http.StatusOK)
	if err != nil {
		return session{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return session{}, h.unanswered(resp.Request.Context(), http.MethodPost, tokenPath,
			fmt.Errorf("reading the answer: %w", err))
	}
	s, err := h.parseSession(body, began)
	if err != nil {
		return session{}, h.unanswered(ctx, http.MethodPost, tokenPath, err)
	}
	return s, nil
}

func (h *handshake) tokenRequest(ctx context.Context) (*http.Request, error) {
	now := h.clock.earliest(time.Now())
	h.skew = time.Until(now)
	endpoint := h.base.String() + tokenPath
	assertion, err := h.app.assertion(endpoint, now)
	if err != nil {
		return nil, err
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"scope":                 {strings.Join(h.app.scopes.asked(h.how), " ")},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	req, err := h.bareRequest(ctx, http.MethodPost, tokenPath, "", []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.app.mu.Lock()
	h.proofGiven = h.app.bound
	h.app.mu.Unlock()
	if h.proofGiven {
		proof, err := h.app.proof(http.MethodPost, bareURL(req), "", h.app.tokenNonces.next(h.nonce), now)
		if err != nil {
			return nil, err
		}
		req.Header.Set("DPoP", proof)
	}
	return req, nil
}

// adapt reports whether another attempt can do what the refusal asks for, and makes it do so.
func (h *handshake) adapt(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.Status < 400 || e.Status > 403 {
		return false
	}
	h.nonce = ""
	switch {
	case e.oauth == wantsNonce && e.nonce != "" &&
		h.challenges < maxChallenges: // it may come before any proof was given
		h.challenges++
		h.nonce = e.nonce
		h.app.bind()
		return true
	case (e.oauth == "invalid_dpop_proof" || e.oauth == wantsNonce) && !h.proofGiven && !h.metProof:
		h.metProof = true
		h.app.bind()
		return true
	case (e.oauth == "invalid_client" || e.oauth == "invalid_dpop_proof") && !h.metClock && h.clocksDiffer():
		h.metClock = true
		return true
	case refusesScopes(e.oauth):
		var other bool
		h.how, other = h.app.scopes.next(h.how)
		return other
	}
	return false
}

// adaptTo reports whether another attempt can bring what was needed and not granted: ScopeManage may be granted in
// place of ScopeRead.
func (h *handshake) adaptTo(s session) bool {
	if h.how.manage || len(h.app.scopes.Instead) > 0 {
		return false
	}
	lacks := missing(h.app.scopes.Needed, s.granted)
	if s.granted == nil || len(lacks) != 1 || lacks[0] != ScopeRead {
		return false
	}
	h.how = asking{manage: true}
	return true
}

// bind notes that the token endpoint wants proofs.
func (a *app) bind() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bound = true
}

// clocksDiffer reports whether the answer taught that the org's clock is another than was thought.
func (h *handshake) clocksDiffer() bool {
	now := time.Now()
	return (h.clock.earliest(now).Sub(now) - h.skew).Abs() > 30*time.Second
}

// refusesScopes reports whether an error of the token endpoint is about the scopes: unknown ones, ones that a policy
// denies, or none that is granted.
func refusesScopes(code string) bool {
	return code == "invalid_scope" || code == "access_denied" || code == "consent_required"
}

// loginFailed makes the error of a login that failed for good.
func (c *conn) loginFailed(err error, h *handshake) error {
	var e *Error
	if !errors.As(err, &e) {
		return &LoginError{ClientID: c.app.id, Err: err}
	}
	// What the token endpoint answered says nothing about the token or the user that was to be asked about:
	// its 404 must not be taken for theirs.
	err = &presented{err.Error(), e.Err}
	if refusesScopes(e.oauth) {
		lacks := c.app.scopes.Needed
		if len(lacks) == 0 {
			lacks = c.app.scopes.asked(h.how)
		}
		return &ScopeError{ClientID: c.app.id, Missing: lacks, Err: err}
	}
	return &LoginError{ClientID: c.app.id, Refused: e.okta && e.Status >= 400 && e.Status <= 403, Err: err}
}

// granted checks that a session is enough.
func (c *conn) granted(s session, h *handshake) (session, error) {
	if s.granted == nil { // RFC 6749, section 5.1: as was asked for
		s.granted = slices.Clone(c.app.scopes.asked(h.how))
	}
	lacks := missing(c.app.scopes.Needed, s.granted)
	if len(lacks) == 0 {
		return s, nil
	}
	unasked := missing(lacks, c.app.scopes.asked(h.how))
	return session{}, &ScopeError{ClientID: c.app.id, Missing: lacks, Granted: s.granted,
		Unasked: len(unasked) == len(lacks)}
}

// visible is text that a header can hold, without spaces.
var visible = regexp.MustCompile(`^[!-~]+$`)

// parseSession reads the answer of the token endpoint to a request that was sent at began.
func (h *handshake) parseSession(body []byte, began time.Time) (session, error) {
	var said struct {
		AccessToken string  `json:"access_token"`
		TokenType   string  `json:"token_type"`
		ExpiresIn   float64 `json:"expires_in"`
		Scope       *string `json:"scope"`
	}
	if json.Unmarshal(body, &said) != nil { // whose error may quote the token
		return session{}, fmt.Errorf("%w: want a JSON object with an access token", errMalformed)
	}
	s := session{token: NewSecret(said.AccessToken)}
	switch {
	case !visible.MatchString(said.AccessToken):
		return session{}, fmt.Errorf("%w: it holds no access token", errMalformed)
	case strings.EqualFold(said.TokenType, "DPoP") && h.proofGiven:
		s.bound = true
	case !strings.EqualFold(said.TokenType, "Bearer"):
		return session{}, fmt.Errorf("%w: its access token is of the type %q", errMalformed, cut(said.TokenType, 20))
	}
	life := maxTokenLife
	if said.ExpiresIn < maxTokenLife.Seconds() {
		life = time.Duration(said.ExpiresIn * float64(time.Second))
	}
	if life <= 0 {
		return session{}, fmt.Errorf("%w: its access token has ended already", errMalformed)
	}
	s.ends = began.Add(life)
	s.renew = s.ends.Add(-min(renewBefore, life/4))
	if said.Scope != nil {
		s.granted = strings.Fields(*said.Scope)
	}
	return s, nil
}
