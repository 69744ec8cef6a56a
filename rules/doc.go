// Package rules is the policy language: it says what is wrong with an Okta API token and what happens
// then. [Load] reads a policy file strictly, and reports every mistake in it at once; [Policy.Lint] says what
// can't work in it. [Policy.Evaluate] judges one token at one instant; it is pure, and explains itself in
// sentences; [Policy.Trace] is the same in full. [LoadTests] reads examples of tokens and what is expected of them.
//
// # A policy
//
//	version: 1
//	rules:
//	  - id: idle
//	    when:
//	      lastUsed: {olderThan: 21d}
//	    then: {quarantine: 3d, revoke: 7d}
//	quarantine:
//	  zone: nzo1a2b3c4d5e6f7g8h9
//
// policy.example.yaml, in the root of the module, shows every key once.
//
// # Conditions
//
// A condition is a map. Its entries are fields and the words all, any (each with a list of conditions)
// and not (with one condition), and all of them must hold. A field has a map of operators, which must
// all hold; one value is short for the operator is, and a list for in.
//
//	text        id, name, clientName, userId, network.connection, owner.login, owner.email, owner.status
//	            is, isNot, in, notIn: exact, capitals count
//	            like, notLike: a glob, or a list of which one (none) fits the whole text
//	            matches, notMatches: an RE2 expression, anchored only where ^ and $ are written
//	time        created, lastUpdated, expiresAt, lastUsed, owner.lastLogin
//	            olderThan, newerThan: a duration before now, not included
//	            before, after: a date (its first moment in UTC) or an RFC 3339 time
//	            within: from now to a duration ahead, both included; for expiresAt only
//	duration    tokenWindow
//	            longerThan, shorterThan
//	list        network.include, network.exclude, owner.roles
//	            contains, containsAny, containsAll, containsNone, empty
//	yes/no      neverUsed
//	            is
//	all fields  present: true or false
//
// In a glob * stands for any run of characters, ? for exactly one, and a backslash takes the meaning
// from the next character. [ and { must have a backslash, since other languages give them a meaning.
//
// Durations are 30s, 90m, 12h, 21d, 2w, sums with the larger unit first (1d12h), and ISO 8601 (P21D).
// They are never negative and have no months and no years.
//
// # Unknown
//
// Conditions are true, false or unknown, and all, any and not follow Kleene: not unknown is unknown, and
// all and any are unknown where the parts that are known leave it open. A condition is unknown if its
// field is missing or malformed, if the owner could not be looked up, if a time lies before the year 2000, or if a time
// other than expiresAt lies in the future. The operator present judges a missing field as well, but not a malformed
// one. A rule acts only where it came out true.
//
// # Steps
//
// A rule always flags. It may also quarantine and revoke, each after its own delay, counted from the
// first notice that was delivered. Tokens of clients that protect.actOnClients does not name, and tokens
// younger than protect.newerThan, may only be flagged; so may those of which neither can be told. An
// exemption spares the tokens that it matches through the end of its last day in UTC.
package rules
