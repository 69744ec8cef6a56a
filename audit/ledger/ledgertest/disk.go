// Package ledgertest is a storage in memory for tests of what keeps a ledger: it fails, fills up and
// crashes on demand.
package ledgertest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"syscall"

	"tokensweep/audit/ledger"
)

// Disk is a ledger.Disk in memory. It outlives the ledgers that are opened on it, one at a time. The zero
// value is empty and without faults. It is safe for concurrent use.
type Disk struct {
	mu      sync.Mutex
	data    []byte // what a reader sees, of all segments
	starts  []int  // of the segments but the first one, in data
	begins  []int  // where what they begin with ends, which is there whole or not at all
	firsts  []uint64
	durable int    // how much of data survives a power failure
	hole    [2]int // what was not durable when its segment was sealed, and never will be; from and to
	dropped bool   // a Sync failed: what was written before it or comes after it is never durable
	locked  bool
	signed  []byte // what the lock says
	asides  map[string][]byte
	limit   int // of the size, 0 if none

	writes, syncs         int
	failWrite, failSync   int // which one, counted from the first; 0 if none
	keep                  int // of the write that fails
	writeError, syncError error
}

var _ ledger.Disk = (*Disk)(nil)

// New returns a disk that durably holds content.
func New(content []byte) *Disk {
	return &Disk{data: bytes.Clone(content), durable: len(content)}
}

// FailWrite makes the nth Write from now on, from 1, store only the first keep bytes and fail with err.
func (d *Disk) FailWrite(n, keep int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failWrite, d.keep, d.writeError = d.writes+n, keep, err
}

// FailSync makes the nth Sync from now on, from 1, fail with err. As on Linux, a later Sync reports
// success and makes nothing durable: what the failed one was to write is dropped.
func (d *Disk) FailSync(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failSync, d.syncError = d.syncs+n, err
}

// Limit makes the disk full at size bytes, what was set aside included. 0 takes the limit away.
func (d *Disk) Limit(size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = size
}

// Kill ends the process that has the lock: all that was written stays.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locked = false
}

// Crash ends the process and the machine: of what was written and not made durable, the first keep bytes
// stay. Faults that were to come are forgotten.
func (d *Disk) Crash(keep int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := min(len(d.data), d.durable+keep)
	for n := len(d.starts) - 1; n >= 0 && left < d.begins[n]; n-- {
		left = min(left, d.starts[n])
		d.starts, d.begins, d.firsts = d.starts[:n], d.begins[:n], d.firsts[:n]
	}
	d.data = d.data[:left]
	d.lose(keep)
	d.durable, d.dropped, d.locked = len(d.data), false, false
	d.failWrite, d.failSync = 0, 0
}

// lose makes the hole, of which the first keep bytes stay.
func (d *Disk) lose(keep int) {
	from, to := min(d.hole[0]+keep, d.hole[1]), d.hole[1]
	d.hole = [2]int{}
	if to > len(d.data) { // its segment was not sealed after all
		return
	}
	d.data = slices.Delete(d.data, from, to)
	for n := range d.starts {
		if d.starts[n] >= to {
			d.starts[n], d.begins[n] = d.starts[n]-(to-from), d.begins[n]-(to-from)
		}
	}
}

// Bytes is what a reader sees, of all segments in a row.
func (d *Disk) Bytes() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.data)
}

// Durable is what would survive a power failure for certain.
func (d *Disk) Durable() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.data[:d.durable])
}

// Asides are the torn lines that were set aside, by name.
func (d *Disk) Asides() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.asides)
}

// Calls says how often Write and Sync were called.
func (d *Disk) Calls() (writes, syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes, d.syncs
}

// Lock takes the lock.
func (d *Disk) Lock() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked {
		return fmt.Errorf("%w: a disk in memory", ledger.ErrLocked)
	}
	d.locked = true
	return nil
}

// start is where the segment begins that is written to.
func (d *Disk) start() int {
	if len(d.starts) == 0 {
		return 0
	}
	return d.starts[len(d.starts)-1]
}

// Read opens what a reader sees now of the segment that is written to.
func (d *Disk) Read() (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(d.data[d.start():]))), nil
}

// Segments are the sizes of the sealed segments.
func (d *Disk) Segments() (map[uint64]int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := make(map[uint64]int64)
	for n, first := range d.firsts {
		from, to := d.bounds(n)
		found[first] = int64(to - from)
	}
	return found, nil
}

// bounds are where the nth segment that was sealed begins and ends.
func (d *Disk) bounds(n int) (from, to int) {
	if n > 0 {
		from = d.starts[n-1]
	}
	return from, d.starts[n]
}

// Segment opens a sealed segment.
func (d *Disk) Segment(first uint64) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := slices.Index(d.firsts, first)
	if n < 0 {
		return nil, fs.ErrNotExist
	}
	from, to := d.bounds(n)
	return io.NopCloser(bytes.NewReader(bytes.Clone(d.data[from:to]))), nil
}

// Seal begins a new segment. It counts as a Write and a Sync: if the Write fails, nothing was done; if the Sync does,
// a reader sees it done, and after a crash it may be or not.
func (d *Disk) Seal(first uint64, begin func(io.Writer) error) error {
	var text bytes.Buffer
	if err := begin(&text); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.writes == d.failWrite {
		return d.writeError
	}
	if text.Len() > d.room() {
		return syscall.ENOSPC
	}
	if d.durable < len(d.data) {
		d.hole = [2]int{d.durable, len(d.data)}
	}
	d.starts, d.firsts = append(d.starts, len(d.data)), append(d.firsts, first)
	d.data = append(d.data, text.Bytes()...)
	d.begins = append(d.begins, len(d.data))
	return d.sync()
}

// Write puts p at the end.
func (d *Disk) Write(p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.writes == d.failWrite {
		d.data = append(d.data, p[:min(len(p), d.keep)]...)
		return d.writeError
	}
	if room := d.room(); len(p) > room {
		d.data = append(d.data, p[:room]...)
		return syscall.ENOSPC
	}
	d.data = append(d.data, p...)
	return nil
}

// room is how many bytes can still be stored.
func (d *Disk) room() int {
	if d.limit == 0 {
		return int(^uint(0) >> 1)
	}
	used := len(d.data)
	for _, p := range d.asides {
		used += len(p)
	}
	return max(0, d.limit-used)
}

// Sync makes durable what was written, unless one before it failed.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sync()
}

func (d *Disk) sync() error {
	d.syncs++
	if d.syncs == d.failSync {
		d.dropped = true
		return d.syncError
	}
	if !d.dropped {
		d.durable = len(d.data)
	}
	return nil
}

// SetAside stores p durably under the name.
func (d *Disk) SetAside(name string, p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.asides[name]; ok {
		return fs.ErrExist
	}
	if len(p) > d.room() {
		return syscall.ENOSPC
	}
	if d.asides == nil {
		d.asides = make(map[string][]byte)
	}
	d.asides[name] = bytes.Clone(p)
	return nil
}

// Sign puts text into the lock.
func (d *Disk) Sign(text []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signed = bytes.Clone(text)
	return nil
}

// Signature is what the lock says.
func (d *Disk) Signature() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.signed), nil
}

// Truncate cuts the end off.
func (d *Disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data = d.data[:d.start()+int(size)]
	d.durable = min(d.durable, len(d.data))
	return nil
}

// Close releases the lock.
func (d *Disk) Close() error {
	d.Kill()
	return nil
}
