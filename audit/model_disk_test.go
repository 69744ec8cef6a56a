package audit_test

import (
	"bytes"
	"io"
	"syscall"

	"tokensweep/audit/ledger/ledgertest"
)

// modelDisk is the disk as a process uses it.
type modelDisk struct {
	*ledgertest.Disk
	p *modelProcess
}

// Write is one step; the process may die before it, in the middle, or after it.
func (d *modelDisk) Write(lines []byte) error {
	d.p.at(atWrite)
	first := len(d.p.w.book.entries)
	for line := range bytes.Lines(lines) {
		d.p.w.book.write(line)
		d.p.w.written(d.p, line)
	}
	d.p.begins(d.p.w.book.entries[first])
	err := d.Disk.Write(lines)
	if err != nil {
		d.p.failed = true
		d.p.w.book.trim(len(d.Bytes())) // all of the line may be stored all the same
		if d.p.dying {
			d.p.die(false, 0)
		}
	}
	return err
}

// Seal begins a new segment, or doesn't.
func (d *modelDisk) Seal(first uint64, begin func(io.Writer) error) error {
	d.p.at(atWrite)
	before := len(d.Bytes())
	err := d.Disk.Seal(first, begin)
	for line := range bytes.Lines(d.Bytes()[before:]) {
		d.p.w.book.write(line)
		d.p.w.notSecret("the ledger", string(line))
	}
	if err != nil {
		d.p.failed = true
		if d.p.dying {
			d.p.die(false, 0)
		}
	}
	d.p.at(atSync)
	return err
}

// Sync makes durable what was written, or doesn't.
func (d *modelDisk) Sync() error {
	d.p.at(atSync)
	err := d.Disk.Sync()
	d.p.failed = d.p.failed || err != nil
	return err
}

// SetAside stores a torn line.
func (d *modelDisk) SetAside(name string, text []byte) error {
	d.p.at(atAside)
	return d.Disk.SetAside(name, text)
}

// Truncate cuts a torn line off the segment that is written to: size is of that alone.
func (d *modelDisk) Truncate(size int64) error {
	err := d.Disk.Truncate(size)
	d.p.w.book.trim(len(d.Bytes()))
	return err
}

// The incidents of a disk.

// tear makes the next write fail with a part of it stored; with dying the process ends there.
func tear(keep int, dying bool) func(*modelProcess) {
	return func(p *modelProcess) {
		p.dying = dying
		p.w.disk.FailWrite(1, keep, syscall.EIO)
	}
}

// unsynced makes the next fsync fail. What it was to write is in the balance until the machine crashes and keeps some
// of it, which is soon after the process has ended.
func unsynced(keep int) func(*modelProcess) {
	return func(p *modelProcess) {
		p.keep, p.inBalance = keep, true
		p.w.disk.FailSync(1, syscall.EIO)
	}
}

func killed(p *modelProcess) { p.die(false, 0) }

// terminated tells the process to end, as a signal does.
func terminated(p *modelProcess) {
	p.toldToEnd = true
	p.cancel()
}

func powerless(keep int) func(*modelProcess) { return func(p *modelProcess) { p.die(true, keep) } }
