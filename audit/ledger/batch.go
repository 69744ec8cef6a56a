package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"runtime"
	"sync"
)

// batch is some lines in a row. Reading them takes the longest of verifying a ledger and needs no other
// line, so it is done for several batches at once.
type batch struct {
	text  []byte // whole lines
	lines []parsed
	tail  []byte        // what comes after the last newline of the ledger
	err   error         // why no batch comes after this one; io.EOF at the end
	done  chan struct{} // closed when lines is complete
}

// batchSize is how many bytes a batch has at least, unless it is the last.
const batchSize = 64 << 10

// batches reads r to its end and gives the batches in order. When the loop ends nothing reads r any more.
func batches(r io.Reader) iter.Seq[*batch] {
	return func(yield func(*batch) bool) {
		workers := runtime.GOMAXPROCS(0)
		work, inOrder := make(chan *batch), make(chan *batch, 2*workers)
		stop := make(chan struct{})
		var running sync.WaitGroup
		defer running.Wait()
		defer close(stop)
		running.Go(func() {
			defer close(work)
			defer close(inOrder)
			in := bufio.NewReaderSize(r, batchSize)
			for more := true; more; {
				b := readBatch(in)
				more = b.err == nil
				for _, to := range []chan *batch{inOrder, work} {
					select {
					case to <- b:
					case <-stop:
						return
					}
				}
			}
		})
		for range workers {
			running.Go(func() {
				for b := range work {
					b.parse()
				}
			})
		}
		for b := range inOrder {
			<-b.done
			if !yield(b) {
				return
			}
		}
	}
}

func (b *batch) parse() {
	defer close(b.done)
	b.lines = make([]parsed, 0, bytes.Count(b.text, []byte{'\n'}))
	for line := range bytes.Lines(b.text) {
		b.lines = append(b.lines, parse(line[:len(line)-1]))
	}
}

// readBatch reads the next batch.
func readBatch(in *bufio.Reader) *batch {
	b := &batch{text: make([]byte, 0, batchSize+batchSize/4), done: make(chan struct{})}
	for len(b.text) < batchSize {
		before := len(b.text)
		b.text, b.err = appendLine(b.text, in)
		if b.err != nil {
			b.text, b.tail = b.text[:before], b.text[before:]
			break
		}
	}
	return b
}

var errTooLong = errors.New("line too long")

// appendLine appends to dst up to and with the next newline or, with an error, what comes before the error.
func appendLine(dst []byte, in *bufio.Reader) ([]byte, error) {
	from := len(dst)
	for {
		part, err := in.ReadSlice('\n')
		dst = append(dst, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return dst, err
		}
		if len(dst)-from > maxLine {
			return dst, errTooLong
		}
	}
}
