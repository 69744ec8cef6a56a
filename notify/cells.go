// Package notify renders reports and inventories: as text for people, as JSON, CSV and Markdown.
// Rendering is pure: a report goes in, bytes come out.
//
// Names of tokens and clients come from strangers. Whatever they hold, no control character, escape
// sequence, line break or bidirectional override of theirs reaches the output raw, no cell of a CSV is
// a formula, and no Markdown is theirs.
package notify

import (
	"strings"
	"time"

	"tokensweep/okta"
)

// plain shows an optional field for machines, which get nothing for one that isn't there.
func plain[T any](o okta.Opt[T], show func(T) string) string {
	if _, ok := o.Get(); !ok {
		return ""
	}
	return cell(o, show)
}

func instant(o okta.Opt[time.Time]) string { return cell(o, rfc3339) }

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func network(n okta.Network) string {
	s := Words(n.Connection)
	return s + zones(" in ", n.Include) + zones(" not in ", n.Exclude)
}

// zones shows a list of zones behind how they count; a list without any, or none, is not shown.
func zones(how string, o okta.Opt[[]string]) string {
	list, known := o.Get()
	switch {
	case o.Presence() == okta.Malformed:
		return how + malformed
	case !known || len(list) == 0:
		return ""
	}
	return how + strings.Join(list, " ")
}
