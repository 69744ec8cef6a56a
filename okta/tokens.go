package okta

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Token reads one token afresh. The error is ErrNotFound for an id that Okta doesn't know (any more),
// and ErrBadID, with nothing sent, for one that can't be a token's.
func (r *Reader) Token(ctx context.Context, id string) (t Token, err error) {
	if err := CheckTokenID(id); err != nil {
		return Token{}, err
	}
	err = r.conn.get(ctx, listPath+"/"+id, func(body []byte) (err error) {
		t, err = parseOneToken(body, id)
		return err
	})
	return t, err
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
// an *Error that MayHaveActed nobody knows whether the token was revoked, until it is read again. The
// request is sent once and never again.
func (c *Client) Revoke(ctx context.Context, id string) error {
	if err := CheckTokenID(id); err != nil {
		return err
	}
	return c.conn.change(ctx, http.MethodDelete, listPath+"/"+id, nil, http.StatusNoContent, ignore)
}

// RevokeCurrent ends the token that this client itself uses: the last request that it can make. Errors
// are those of Revoke.
func (c *Client) RevokeCurrent(ctx context.Context) error {
	return c.conn.change(ctx, http.MethodDelete, listPath+"/current", nil, http.StatusNoContent, ignore)
}

func ignore([]byte) error { return nil }

// SetNetwork changes the network condition of a token to n and returns the token as it then is. All
// other writable fields are sent back as t has them, so t should have been read just before; Okta
// takes over only the network (https://github.com/okta/terraform-provider-okta/pull/2550). The change
// moves the token's LastUpdated and not its ExpiresAt. Errors are those of Revoke.
func (c *Client) SetNetwork(ctx context.Context, t Token, n Network) (Token, error) {
	if err := CheckTokenID(t.ID); err != nil {
		return Token{}, err
	}
	body, err := json.Marshal(writable(t, n))
	if err != nil {
		return Token{}, err
	}
	var after Token
	err = c.conn.change(ctx, http.MethodPut, listPath+"/"+t.ID, body, http.StatusOK, func(body []byte) (err error) {
		after, err = parseOneToken(body, t.ID)
		return err
	})
	return after, err
}

// wireTime is how Okta writes times.
const wireTime = "2006-01-02T15:04:05.000Z"

type wireNetwork struct {
	Connection string   `json:"connection,omitempty"`
	Include    []string `json:"include,omitempty"`
	Exclude    []string `json:"exclude,omitempty"`
}

type wireUpdate struct {
	Name       string      `json:"name,omitempty"`
	ClientName string      `json:"clientName,omitempty"`
	UserID     string      `json:"userId,omitempty"`
	Created    string      `json:"created,omitempty"`
	Network    wireNetwork `json:"network"`
}

func writable(t Token, n Network) wireUpdate {
	u := wireUpdate{
		Name: t.Name.value, ClientName: t.ClientName.value, UserID: t.UserID.value,
		Network: wireNetwork{n.Connection.value, n.Include.value, n.Exclude.value},
	}
	if created, ok := t.Created.Get(); ok {
		u.Created = created.In(time.UTC).Format(wireTime)
	}
	return u
}
