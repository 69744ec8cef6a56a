package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tokensweep/audit/ledger"
)

// An intent is on the disk before the request is sent, and what came of it after.
func Example() {
	above, err := os.MkdirTemp("", "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(above) }()
	dir := filepath.Join(above, "state")
	clock := func() time.Time { return time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC) }

	l, err := ledger.InDirectory(dir).Open(clock)
	if err != nil {
		fmt.Println(err) // another run holds the lock, or the ledger is damaged or unusable
		return
	}
	intent, err := l.Append(ledger.Record{Kind: ledger.Intent, Token: "00Tabcdefg1234567890", Step: ledger.StepRevoke,
		By: ledger.ByRun})
	if err != nil {
		fmt.Println(err) // no record, no request
		return
	}
	// Here the request is sent. If the process dies now, the next run finds the intent open.
	fmt.Println("open:", l.State().OpenSeqs(), "in the last day:", l.State().IntentsSince(clock().Add(-24*time.Hour)))
	if _, err = l.Append(ledger.Record{Kind: ledger.Outcome, Ref: intent.Seq, Result: ledger.ResultRevoked,
		Settled: true}); err != nil {
		fmt.Println(err)
	}
	fmt.Println("open:", l.State().OpenSeqs(), "head:", l.Head())
	_ = l.Close()

	_, err = ledger.InDirectory(dir).Read(func(r ledger.Record) error {
		fmt.Printf("%d %s %s %q\n", r.Seq, r.Kind, r.Step, r.Result)
		return nil
	})
	fmt.Println(err)
	// Output:
	// open: [1] in the last day: 1
	// open: [] head: 2:6d1a74aac04a
	// 1 intent revoke ""
	// 2 outcome revoke "revoked"
	// <nil>
}
