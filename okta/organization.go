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
	// ID is "00o" and 17 letters or digits, in all that this package returns. It stays, whatever URL the org has.
	ID string
	// Pipeline is idx for Okta Identity Engine, v1 for Classic Engine.
	Pipeline Opt[string]
}

var organizationMembers = []member[Organization]{
	{key: "id", read: func(r *jsonReader, o *Organization) { o.ID = r.text().value }},
	{key: "pipeline", read: func(r *jsonReader, o *Organization) { o.Pipeline = r.text() }},
}

// Organization reads which org this is. It needs no credential and sends none, so that it tells an org that
// can't be reached from a credential that is refused. Errors are those of Token.
func (r *Reader) Organization(ctx context.Context) (Organization, error) {
	var o Organization
	err := r.conn.get(ctx, organizationSubject, func(body []byte) (Opt[string], error) {
		err := readAnswer(body, organizationMembers, &o)
		return Some(o.ID), err
	})
	if err != nil {
		return Organization{}, err
	}
	return o, nil
}

// allowedMembers are what Allowed reads besides the token.
var allowedMembers = []member[Opt[[]string]]{
	{key: "_links", within: []member[Opt[[]string]]{{key: "self", within: []member[Opt[[]string]]{
		{key: "hints", within: []member[Opt[[]string]]{
			{key: "allow", read: func(r *jsonReader, methods *Opt[[]string]) { *methods = r.texts() }},
		}},
	}}}},
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
		return Some(t.ID), readAnswer(body, allowedMembers, &methods)
	})
	if err != nil {
		return Opt[[]string]{}, err
	}
	return methods, nil
}

// Budget is what the answers so far said of the rate limit that the list of tokens counts against.
type Budget struct {
	// Limit is how many requests a window allows to this credential, Remaining how many of them are left, and
	// Ours how many of a whole window this client uses at most.
	Limit, Remaining, Ours int
	// Resets is when the next window begins, on our clock.
	Resets time.Time
}

// Budget tells what is known of the rate limit; ok is false if no answer has said anything of it.
func (r *Reader) Budget() (b Budget, ok bool) { return r.conn.pace.budget(listPath, time.Now()) }
