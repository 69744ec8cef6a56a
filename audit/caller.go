package audit

import (
	"context"
	"errors"
	"time"

	"tokensweep/okta"
)

// caller is what is known of whoever runs this.
type caller struct {
	login   okta.Login // of a service app, which is no user and has no API token; else zero
	userID  string     // "" if it could not be read
	unknown error      // why
	found   int        // candidates so far
}

// whoAmI asks whose credential this is. That Okta doesn't say is no error in a dry run; that it refuses
// the credential is.
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
	case err == nil && me.ID == "":
		return &caller{unknown: errors.New("/api/v1/users/me names no id")}, nil
	case err == nil:
		return &caller{userID: me.ID}, nil
	case errors.Is(err, okta.ErrNotFound), errors.Is(err, okta.ErrForbidden):
		return &caller{unknown: err}, nil
	}
	return nil, err
}

// candidate says why t may be the token that this run uses, or "" if it can't be. Okta has no endpoint
// that tells; the owner and the time of use narrow it down, and all that remain are spared. What isn't
// known rules nothing out. clock is the org's when it sent t.
func (c *caller) candidate(t *okta.Token, clock time.Time) string {
	if c.login.ClientID != "" {
		return ""
	}
	owner, ownerKnown := t.UserID.Get()
	used, useKnown := t.LastUsed().Get()
	switch {
	case c.userID != "" && ownerKnown && owner != c.userID, useKnown && clock.Sub(used).Abs() > ownUseWindow:
		return ""
	case c.userID != "" && ownerKnown && useKnown:
		c.found++
		return "it may be the token that this run uses: same owner, used within two minutes"
	case c.userID == "":
		return "it may be the token that this run uses: whose that is could not be read"
	case !ownerKnown:
		return "it may be the token that this run uses: its owner is not known"
	}
	return "it may be the token that this run uses: same owner, and its last use is not known"
}
