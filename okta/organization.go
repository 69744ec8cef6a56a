package okta

import (
	"context"
	"time"
)

// organizationPath says which org this is, to anybody: no credential is sent along.
const organizationPath = "/.well-known/okta-organization"

// Organization is what an org says of itself, as
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/OrgSettingMetadata/ describes it.
type Organization struct {
	// ID is "00o" and 17 letters or digits; never empty in one that this package returned.
	ID string
	// Pipeline is idx for Okta Identity Engine, v1 for Classic Engine.
	Pipeline Opt[string]
}

// Organization reads which org this is. It needs no credential and sends none, so that it tells an org that
// can't be reached from a credential that is refused. Errors are those of Token.
func (r *Reader) Organization(ctx context.Context) (Organization, error) {
	var o Organization
	err := r.conn.get(ctx, organizationSubject, func(body []byte) (is Opt[string], err error) {
		err = members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				is = textField(value)
			case "pipeline":
				o.Pipeline = textField(value)
			}
			return nil
		})
		o.ID = is.value
		return is, err
	})
	if err != nil {
		return Organization{}, err
	}
	return o, nil
}

// Allowed reads what Okta lets this credential do with a token besides reading it: the methods in the token's
// _links.self.hints.allow, such as GET and DELETE
// (https://developer.okta.com/docs/reference/core-okta-api/#links). It is missing where the answer has no
// such hint. In recorded answers PUT is not among them, though it worked. Errors are those of Token.
func (r *Reader) Allowed(ctx context.Context, id string) (methods Opt[[]string], err error) {
	if err := CheckTokenID(id); err != nil {
		return methods, err
	}
	err = r.conn.get(ctx, tokenSubject(id), func(body []byte) (Opt[string], error) {
		t, err := parseToken(body)
		if err != nil {
			return Opt[string]{}, err
		}
		return Some(t.ID), within(body, []string{"_links", "self", "hints", "allow"}, func(value []byte) {
			methods = listField(value)
		})
	})
	if err != nil {
		return Opt[[]string]{}, err
	}
	return methods, nil
}

// within gives the value at a path of keys, if it is there, to found.
func within(raw []byte, path []string, found func([]byte)) error {
	if len(path) == 0 {
		found(raw)
		return nil
	}
	if string(raw) == "null" {
		return nil
	}
	return members(raw, func(key string, value []byte) error {
		if key == path[0] {
			return within(value, path[1:], found)
		}
		return nil
	})
}

// Budget is what the answers so far told of the rate limit that the list of tokens counts against.
type Budget struct {
	// Limit is how many requests a window allows to this credential, Remaining how many of them are left, and
	// Ours how many of a whole window this client uses at most.
	Limit, Remaining, Ours int
	// Resets is when the next window begins, on our clock.
	Resets time.Time
}

// Budget tells what is known of the rate limit; ok is false if no answer has told yet, or the org doesn't.
func (r *Reader) Budget() (b Budget, ok bool) { return r.conn.pace.budget(listPath, time.Now()) }
