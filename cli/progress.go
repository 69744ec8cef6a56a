package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"tokensweep/okta"
)

// progress shows how far a listing has come: on a terminal as one line that is rewritten, else in the
// log.
type progress struct {
	log  *slog.Logger
	line io.Writer // nil if standard error is no terminal

	mu            sync.Mutex
	pages, tokens int
	drawn         time.Time
}

// redraw is how often the line is rewritten at most.
const redraw = 100 * time.Millisecond

func (a *app) newProgress() *progress {
	p := &progress{log: a.logger()}
	// What is logged at these levels tells the same, and would break the line.
	if f, ok := a.stderr.(*os.File); ok && !a.logsJSON() && term.IsTerminal(int(f.Fd())) &&
		!p.log.Enabled(context.Background(), slog.LevelInfo) {
		p.line = f
	}
	return p
}

// listed is told how many pages and tokens were read.
func (p *progress) listed(pages, tokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages, p.tokens = pages, tokens
	if now := time.Now(); p.line != nil && now.Sub(p.drawn) >= redraw {
		p.drawn = now
		p.draw("")
	}
}

// trace is told of every answer and every wait.
func (p *progress) trace(e okta.Event) {
	traceTo(p.log, e)
	if p.line == nil || e.Until.IsZero() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drawn = time.Now()
	p.draw(fmt.Sprintf(", waiting until %s: %s", e.Until.Local().Format(time.TimeOnly), e.Reason))
}

func (p *progress) draw(more string) {
	text := []rune(fmt.Sprintf("listing: page %d, %d tokens%s", p.pages+1, p.tokens, clean(more)))
	if w := width(p.line); len(text) >= w {
		text = append(text[:w-2], '…')
	}
	_, _ = fmt.Fprintf(p.line, "\r\x1b[K%s", string(text))
}

func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 10 {
			return n
		}
	}
	return 80
}

// end takes the line away.
func (p *progress) end() {
	if p.line != nil {
		_, _ = io.WriteString(p.line, "\r\x1b[K")
	}
}
