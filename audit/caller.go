package audit

import (
	"context"
	"errors"

	"tokensweep/okta"
)

// caller is what is known of whoever runs this.
type caller struct {
	login   okta.Login // of a service app, which is no user and has no API token; else zero
	userID  string     // "" if it could not be read
	unknown error      // why
	found   int        // listed tokens that it owns, so far
}

// whoAmI asks whose credential this is. If Okta does not say, that is no error in a dry run. If it refuses the
// credential, that is.
func whoAmI(ctx context.Context, org *okta.Reader) (*caller, error) {
	login, err := org.Login(ctx)
	if err != nil {
		return nil, err
	}
	if login.ClientID != "" {
		return &caller{login: login}, nil
	}
	me, err := org.Me(ctx)
	switch {
	case err == nil:
		return &caller{userID: me.ID}, nil
	case errors.Is(err, okta.ErrNotFound), errors.Is(err, okta.ErrForbidden):
		return &caller{unknown: err}, nil
	}
	return nil, err
}

// owns reports whether t is known to have the owner of the token in use.
func (c *caller) owns(t *okta.Token) bool {
	owner, known := t.UserID.Get()
	return known && c.userID != "" && owner == c.userID
}

// count takes in a listed token.
func (c *caller) count(t *okta.Token) {
	if c.owns(t) {
		c.found++
	}
}

// maybeOwn says why t may be the token in use, or "" if it can't be. Okta has no endpoint that tells which token that
// is, and may show a use late. So it can be any token of the same owner, and a token whose owner is unknown.
func (c *caller) maybeOwn(t *okta.Token) string {
	const may = "it may be the token that this run uses: "
	switch {
	case c.login.ClientID != "":
		return ""
	case c.userID == "":
		return may + "whose that is could not be read"
	case t.UserID.Presence() != okta.Known:
		return may + "its owner is not known"
	case c.owns(t):
		return may + "same owner"
	}
	return ""
}
