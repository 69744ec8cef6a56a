package okta

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Secret holds a credential and has no way to print it: every form of formatting, logging and
// marshalling gives "[redacted]". The zero value holds nothing.
type Secret struct {
	// A pointer, since fmt prints the fields of an unexported struct field without asking its methods.
	text *string
}

// NewSecret wraps a credential.
func NewSecret(text string) Secret { return Secret{text: &text} }

// IsZero reports whether there is no credential, or an empty one.
func (s Secret) IsZero() bool { return s.text == nil || *s.text == "" }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// Format prints "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]", for encoding/json, YAML and all else that asks for text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]" to log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Reveal gives the credential; call it only where it goes onto the wire.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Scrub removes the credential, and whatever has the form of one, from a text that came from outside.
func (s Secret) Scrub(text string) string {
	if !s.IsZero() {
		text = strings.ReplaceAll(text, *s.text, redacted)
	}
	return secretForms.ReplaceAllLiteralString(text, redacted)
}
