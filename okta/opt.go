package okta

// Presence says whether a field of an answer can be used.
type Presence uint8

const (
	// Missing is a field that the answer left out or gave as null. It is the zero value.
	Missing Presence = iota
	// Known is a field with a usable value, empty or not.
	Known
	// Malformed is a field that was there and could not be read as what it should be.
	Malformed
)

// String is the word for people: missing, known or malformed.
func (p Presence) String() string {
	switch p {
	case Known:
		return "known"
	case Malformed:
		return "malformed"
	default:
		return "missing"
	}
}

// Opt is a field that Okta may leave out: «Properties with null values may be omitted by responses»
// (https://developer.okta.com/docs/reference/core-okta-api/). It keeps "absent" apart from every
// value, the zero value of T included. The zero Opt is a missing field.
//
// It has no method that returns a default: a decision must not rest on a value that Okta never sent. Callers use Get,
// and handle the case that there is none.
type Opt[T any] struct {
	value    T
	presence Presence
}

// Some is a field that is there, with the value v.
func Some[T any](v T) Opt[T] { return Opt[T]{value: v, presence: Known} }

// Unreadable is a field that was there but made no sense.
func Unreadable[T any]() Opt[T] { return Opt[T]{presence: Malformed} }

// Get returns the value, and whether there is one. Without one, v is the zero value of T.
func (o Opt[T]) Get() (v T, ok bool) { return o.value, o.presence == Known }

// IfMissing is the field with v in its place where the answer left it out: for a field of which Okta says what it
// means to leave it out. A malformed one stays malformed.
func (o Opt[T]) IfMissing(v T) Opt[T] {
	if o.presence == Missing {
		return Some(v)
	}
	return o
}

// Presence says whether the field is known, missing or malformed.
func (o Opt[T]) Presence() Presence { return o.presence }
