package ledger

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a snapshot leaves out is forgotten when a segment is sealed: each field of the State is in one of its sections.
func TestEachFieldOfTheStateIsInASnapshot(t *testing.T) {
	var s State
	in := make(map[uintptr]string)
	for _, c := range sections {
		at := reflect.ValueOf(c.field(&s)).Pointer()
		require.Empty(t, in[at], "%s is in two", c.name)
		in[at] = c.name
	}
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		if name == "loading" { // there only while a snapshot is read
			continue
		}
		require.NotEmpty(t, in[fields.Field(i).UnsafeAddr()], "%s is in no section", name)
		delete(in, fields.Field(i).UnsafeAddr())
	}
	require.Empty(t, in)
}
