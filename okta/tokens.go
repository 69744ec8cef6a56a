package okta

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Token reads one token afresh. The error is ErrNotFound for an id that Okta doesn't know (any more),
// and ErrBadID, with nothing sent, for one that can't be a token's.
func (r *Reader) Token(ctx context.Context, id string) (Token, error) {
	if err := CheckTokenID(id); err != nil {
		return Token{}, err
	}
	var t Token
	if err := r.conn.get(ctx, tokenSubject(id), tokenIn(&t)); err != nil {
		return Token{}, err
	}
	return t, nil
}

// Await waits until the rate limit leaves room for a token to be read and changed. Changes themselves don't
// wait; without room they are an *Error that was not Sent. It reports whether it had to wait: what was read before is
// out of date then. How much room there is it knows from earlier answers. A service app whose access token would end
// soon logs in again first.
func (c *Client) Await(ctx context.Context) (waited bool, err error) {
	if _, err := c.Login(ctx); err != nil {
		return false, err
	}
	return c.conn.pace.room(ctx, c.conn, listPath, 2)
}

// Revoke ends a token for good: there is no way back. It returns nil only if Okta answered 204. After
// an *Error that MayHaveActed it is not known whether the token was revoked, until it is read again. The
// request is sent once and never again.
func (c *Client) Revoke(ctx context.Context, id string) error {
	if err := CheckTokenID(id); err != nil {
		return err
	}
	return c.conn.change(ctx, http.MethodDelete, tokenSubject(id), nil, http.StatusNoContent, nil)
}

// RevokeCurrent ends the token that this client itself uses: the last request that it can make. Errors
// are those of Revoke.
func (c *Client) RevokeCurrent(ctx context.Context) error {
	return c.conn.change(ctx, http.MethodDelete, tokenSubject("current"), nil, http.StatusNoContent, nil)
}

// SetNetwork changes the network condition of a token to n and returns the token as it then is. All
// other writable fields are sent back as t has them, so t should have been read just before; Okta
// takes over only the network (https://github.com/okta/terraform-provider-okta/pull/2550). The change
// moves the token's LastUpdated and not its ExpiresAt. Errors are those of Revoke, or of CheckWritable, with nothing
// sent.
func (c *Client) SetNetwork(ctx context.Context, t Token, n Condition) (Token, error) {
	if err := CheckTokenID(t.ID); err != nil {
		return Token{}, err
	}
	if err := t.CheckWritable(); err != nil {
		return Token{}, err
	}
	body, err := json.Marshal(writable(t, n))
	if err != nil {
		return Token{}, err
	}
	var after Token
	if err := c.conn.change(ctx, http.MethodPut, tokenSubject(t.ID), body, http.StatusOK, tokenIn(&after)); err != nil {
		return Token{}, err
	}
	return after, nil
}

// CheckWritable returns an error that says what of a token can't be sent back as it is, so that SetNetwork may change
// it: the name, which Okta requires, is not known, or another field could not be read.
func (t *Token) CheckWritable() error {
	if _, known := t.Name.Get(); !known {
		return fmt.Errorf("its name is %s, and a change has to send it back as it is", t.Name.Presence())
	}
	of := [...]string{"clientName", "userId", "created"}
	for i, is := range [...]Presence{t.ClientName.Presence(), t.UserID.Presence(), t.Created.Presence()} {
		if is == Malformed {
			return fmt.Errorf("its %s is malformed, and a change has to send it back as it is", of[i])
		}
	}
	return nil
}

// wireTime is how Okta writes times.
const wireTime = "2006-01-02T15:04:05.000Z"

type wireNetwork struct {
	Connection string   `json:"connection"`
	Include    []string `json:"include,omitempty"`
	Exclude    []string `json:"exclude,omitempty"`
}

// wireUpdate is what a change sends. What Okta left out is left out.
type wireUpdate struct {
	Name       string      `json:"name"`
	ClientName *string     `json:"clientName,omitempty"`
	UserID     *string     `json:"userId,omitempty"`
	Created    *string     `json:"created,omitempty"`
	Network    wireNetwork `json:"network"`
}

// writable is what a change to the condition n sends of a token that is as CheckWritable wants it.
func writable(t Token, n Condition) wireUpdate {
	u := wireUpdate{Network: wireNetwork(n), ClientName: given(t.ClientName), UserID: given(t.UserID)}
	u.Name, _ = t.Name.Get()
	if created, ok := t.Created.Get(); ok {
		at := created.In(time.UTC).Format(wireTime)
		u.Created = &at
	}
	return u
}

// given is nil for a field without a value.
func given(o Opt[string]) *string {
	if s, ok := o.Get(); ok {
		return &s
	}
	return nil
}
