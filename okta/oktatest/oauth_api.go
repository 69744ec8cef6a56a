package oktatest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// admitted verifies the credential of a request for the API. It reports false with the answer to give.
func (c *call) admitted() (answer, bool) {
	scheme, token, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
	if scheme != "DPoP" && scheme != "Bearer" {
		if c.authenticated() {
			return answer{}, true
		}
		return c.fail(badToken), false
	}
	now := c.cfg.Now()
	c.auth.mu.Lock()
	held, ok := c.auth.tokens[token]
	c.auth.mu.Unlock()
	bound := scheme == "DPoP"
	switch {
	case len(c.req.Header.Values("Authorization")) != 1:
		return c.challenge(http.StatusBadRequest, scheme, "invalid_request",
			"There is more than one Authorization header."), false
	case !ok:
		return c.challenge(http.StatusUnauthorized, scheme, "invalid_token", "The access token is invalid."), false
	case !now.Before(held.ends):
		return c.challenge(http.StatusUnauthorized, scheme, "invalid_token", "The access token has expired."), false
	case bound != (held.bound != ""):
		return c.challenge(http.StatusUnauthorized, scheme, "invalid_token", "The access token is not of this type."),
			false
	}
	if bound {
		p, why := c.proof(now)
		switch {
		case why != "":
		case p.thumbprint != held.bound:
			why = "The DPoP proof JWT is signed with another key than the access token is bound to."
		case p.Ath != hashOf(token):
			why = "'ath' claim in the DPoP proof JWT is invalid."
		}
		if why != "" {
			return c.challenge(http.StatusBadRequest, scheme, "invalid_dpop_proof", why), false
		}
		if c.cfg.OAuth.APINonce || c.cfg.OAuth.NonceOnce {
			c.header.Set("Dpop-Nonce", c.nonce(atAPI, now))
			if !c.takes(atAPI, p.Nonce) {
				return c.challenge(http.StatusBadRequest, scheme, "use_dpop_nonce",
					"Resource server requires nonce in DPoP proof."), false
			}
		}
	}
	c.app = held.app
	scope := c.scope()
	switch {
	case scope == noScope: // recorded nowhere; Okta documents that it takes SSWS alone
		return c.fail(forbidden), false
	case scope != "" && !includes(held.scopes, scope):
		return c.challenge(http.StatusForbidden, scheme, "insufficient_scope",
			"The access token provided does not contain the required scopes."), false
	}
	return answer{}, true
}

// challenge is an answer about a credential, with the reason in a header, and no body unless nobody knows the token.
func (c *call) challenge(status int, scheme, code, description string) answer {
	algs := ""
	if scheme == "DPoP" {
		algs = `algs="RS256 RS384 RS512 ES256 ES384 ES512", `
	}
	scope := ""
	if s := c.scope(); s != "" && s != noScope {
		scope = fmt.Sprintf(`scope="%s", `, s)
	}
	a := answer{status: status, header: c.header}
	if status == http.StatusUnauthorized {
		a = c.fail(badToken)
	}
	c.header.Set("Www-Authenticate",
		fmt.Sprintf(
			`%s %sauthorization_uri="http://%s/oauth2/v1/authorize", realm="http://%s", `+
				`%serror="%s", error_description="%s", resource="%s"`,
			scheme, algs, c.req.Host, c.req.Host, scope, code, description, c.req.URL.EscapedPath()))
	return a
}

// noScope is the scope of what no scope allows.
const noScope = "-"

// scope is what a request for the API needs, "" where the path is none of it.
func (c *call) scope() string {
	p := c.segments
	if len(p) < 3 || p[0] != "api" || p[1] != "v1" {
		return ""
	}
	change := "read"
	if c.req.Method != http.MethodGet {
		change = "manage"
	}
	switch p[2] {
	case "api-tokens":
		if len(p) == 4 && p[3] == "current" {
			return noScope
		}
		return "okta.apiTokens." + change
	case "users":
		if len(p) == 5 {
			return "okta.roles." + change
		}
		return "okta.users." + change
	case "zones":
		return "okta.networkZones." + change
	}
	return ""
}

// includes reports whether scopes have one, by name or as the right to manage what it reads.
func includes(scopes []string, scope string) bool {
	return slices.Contains(scopes, scope) || slices.Contains(scopes, strings.TrimSuffix(scope, "read")+"manage")
}
