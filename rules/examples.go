package rules

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

// example is a token while it is read.
type example struct {
	*okta.Token
	lastUsed, expiresAt *yaml.Node
	used                time.Time
}

// The keys of a token are those of Okta's API, and lastUsed for people who think in last uses. null is what Okta leaves
// out. What the example leaves out is missing too, but for what every token has: an id, a name and a network condition.
var exampleKeys = []key[example]{
	{name: "id", doc: "00T and 17 letters or digits", read: func(r *reader, _, v *yaml.Node, e *example) {
		if id, ok := r.words(v, "id"); ok {
			e.ID = id
		}
	}},
	{name: "name", doc: "what the creator called it", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.Name = given(r.text(v))
	}},
	{name: "clientName", doc: "Okta API for tokens made by people", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.ClientName = given(r.text(v))
		r.doubted("clientName", v)
	}},
	{name: "userId", doc: "the owner's id", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.UserID = given(r.text(v))
		r.doubted("userId", v)
	}},
	{name: "created", doc: "when it was made", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.Created = r.someTime(v, "created")
	}},
	{name: "lastUpdated", doc: "its last use or edit", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.LastUpdated = r.someTime(v, "lastUpdated")
	}},
	{name: "expiresAt", doc: "when Okta ends it", read: func(r *reader, _, v *yaml.Node, e *example) {
		e.ExpiresAt, e.expiresAt = r.someTime(v, "expiresAt"), v
	}},
	{name: "lastUsed", doc: "its last use: short for expiresAt a tokenWindow later",
		read: func(r *reader, _, v *yaml.Node, e *example) {
			e.used, _, _ = r.instant(v, "lastUsed")
			e.lastUsed = v
		}},
	{name: "tokenWindow", doc: "how long it lives without being used: P30D",
		read: func(r *reader, _, v *yaml.Node, e *example) {
			if d, ok := r.span(v, "tokenWindow", false); ok {
				e.TokenWindow = okta.Some(d)
			}
		}},
	{name: "network", doc: "from where it may be used", read: func(r *reader, k, v *yaml.Node, e *example) {
		var n okta.Network
		readMap(r, k, v, "network", networkKeys, &n)
		e.Network = okta.Some(n)
	}},
}

var networkKeys = []key[okta.Network]{
	{name: "connection", doc: "ANYWHERE or ZONE", read: func(r *reader, _, v *yaml.Node, n *okta.Network) {
		n.Connection = given(r.text(v))
		r.doubted("network.connection", v)
	}},
	{name: "include", doc: "ids of zones", read: func(r *reader, _, v *yaml.Node, n *okta.Network) {
		n.Include = r.someList(v, "include")
		r.doubted("network.include", v.Content...)
	}},
	{name: "exclude", doc: "ids of zones", read: func(r *reader, _, v *yaml.Node, n *okta.Network) {
		n.Exclude = r.someList(v, "exclude")
		r.doubted("network.exclude", v.Content...)
	}},
}

// exampleToken reads the token of a case.
func (r *reader) exampleToken(k, v *yaml.Node, c *Case) {
	e := &example{Token: &c.Token}
	e.Name, e.Network = okta.Some("example"), okta.Some(okta.Network{Connection: okta.Some("ANYWHERE")})
	if rest := r.withoutNulls(v, e); v.Kind != yaml.MappingNode || len(rest.Content) > 0 {
		readMap(r, k, rest, "token", exampleKeys, e)
	}
	switch {
	case e.lastUsed == nil:
	case e.expiresAt != nil:
		r.wrong(e.lastUsed, "lastUsed is derived from expiresAt: write one of the two")
	default:
		if window, known := c.Token.TokenWindow.IfMissing(okta.DefaultTokenWindow).Get(); known {
			c.Token.ExpiresAt = okta.Some(e.used.Add(window))
		}
	}
}

// withoutNulls is a token without the keys that are null, which it notes as missing.
func (r *reader) withoutNulls(v *yaml.Node, e *example) *yaml.Node {
	rest := *v
	rest.Content = nil
	for name, value := range r.entries(v) {
		isNull := value.Kind == yaml.ScalarNode && value.Tag == nullTag
		switch {
		case isNull && name.Value == "name":
			e.Name = okta.Opt[string]{}
		case isNull && name.Value == "network":
			e.Network = okta.Opt[okta.Network]{}
		case isNull && slices.ContainsFunc(exampleKeys, func(k key[example]) bool {
			return k.name == name.Value && k.name != "id"
		}):
		default:
			rest.Content = append(rest.Content, name, value)
		}
	}
	return &rest
}

func given(s string, ok bool) okta.Opt[string] {
	if !ok {
		return okta.Opt[string]{}
	}
	return okta.Some(s)
}

func (r *reader) someTime(v *yaml.Node, what string) okta.Opt[time.Time] {
	at, _, ok := r.instant(v, what)
	if !ok {
		return okta.Opt[time.Time]{}
	}
	return okta.Some(at)
}

// someList reads a list of texts, which may be empty.
func (r *reader) someList(v *yaml.Node, what string) okta.Opt[[]string] {
	items, ok := r.list(v, what, "[a, b]")
	if !ok {
		return okta.Opt[[]string]{}
	}
	all := make([]string, 0, len(items))
	for _, item := range items {
		s, _ := r.text(item)
		all = append(all, s)
	}
	return okta.Some(all)
}

// ruleIDs reads ids of rules, and notes that the case names them.
func (r *reader) ruleIDs(v *yaml.Node, what string, c *Case) okta.Opt[[]string] {
	ids := r.someList(v, what)
	if _, ok := ids.Get(); ok {
		for _, item := range v.Content {
			c.ids = append(c.ids, named{placeOf(item), item.Value})
		}
	}
	return ids
}
