package audit_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
)

const concludePolicy = "rules: [{id: idle, when: {name: nobody}, then: flag}]"

// ends are the records of a run's end, in order.
func (w *world) ends() (all []ledger.Record) {
	_, err := ledger.InDirectory(w.state).Read(func(r ledger.Record) error {
		if r.Kind == ledger.Ended {
			all = append(all, r)
		}
		return nil
	})
	require.NoError(w.t, err)
	return all
}

// A report that tells the exit code is written when that is on record already: the end is there before, as one that
// nobody has read of, and after.
func TestTheEndIsOnRecordBeforeTheReportTellsIt(t *testing.T) {
	errFull := errors.New("no space left on device")
	for name, row := range map[string]struct {
		export, write error
		closed        bool // the ledger can't be written after the report
		code          audit.ExitCode
		ends          []ledger.Record // exit code and unread of each
		unended       bool
	}{
		"all goes well": {ends: []ledger.Record{{Unread: true}, {}}},
		"the metrics can't be written": {export: errFull, code: audit.Undelivered,
			ends: []ledger.Record{{Unread: true}, {ExitCode: 27}}},
		"the report can't be written": {write: errFull, code: audit.Undelivered,
			ends: []ledger.Record{{Unread: true}, {ExitCode: 27, Unread: true}}},
		"the last record can't be written": {closed: true, ends: []ledger.Record{{Unread: true}}, unended: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.open()
			defer func() { _ = l.Close() }()
			o := w.options(concludePolicy, l)
			o.Export = func(*audit.Report) error { return row.export }
			var told audit.ExitCode
			o.Write = func(r *audit.Report) error {
				told = r.Code
				if row.closed {
					require.NoError(t, l.Close())
				}
				return row.write
			}
			r := audit.Run(t.Context(), o)
			require.Equal(t, row.code, r.Code)
			require.Equal(t, row.unended, r.Unended != nil)
			if row.write == nil {
				require.Equal(t, row.code, told, "the code that the report tells is the run's")
			}
			var ends []ledger.Record
			for _, e := range w.ends() {
				ends = append(ends, ledger.Record{ExitCode: e.ExitCode, Unread: e.Unread})
			}
			require.Equal(t, row.ends, ends)
		})
	}
}
