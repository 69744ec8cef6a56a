package audit_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta/oktatest"
)

// orgURL is where the program believes the org to be, and orgsOwnURL where it is as well. No connection is made.
const (
	whichOrg   = "/.well-known/okta-organization"
	orgURL     = "http://127.0.0.1"
	orgsOwnURL = "http://localhost"
)

// place is the org that a process is told to look at. Another org has the same tokens here, so that a process which
// takes it for the one of the state would act.
type place struct {
	url  string
	id   string // that the org tells
	dumb bool   // it doesn't
}

var home = place{url: orgURL, id: oktatest.OrgID(1)}

// drawPlaces draws where each act takes place: mostly at home. It comes after all else, so that histories with the same
// seed stay what they were.
func (h *modelHistory) drawPlaces(d dice) {
	h.places = make([]place, len(h.acts))
	moves := d.oneIn(4)
	for i := range h.acts {
		if h.places[i] = home; moves {
			h.places[i] = place{
				url: pick(d, orgURL, orgsOwnURL), id: oktatest.OrgID(pick(d, 1, 1, 1, 2)), dumb: d.oneIn(4),
			}
		}
	}
}

func (p place) String() string {
	if p == home {
		return ""
	}
	tells := "tells the id " + p.id
	if p.dumb {
		tells = "tells no id"
	}
	return fmt.Sprintf(" (at %s, which %s)", p.url, tells)
}

// answer answers which org it is. It does not tell the time: see plainAnswer.
func (p place) answer(r *http.Request) *http.Response {
	status, body := http.StatusOK, `{"id":"`+p.id+`","pipeline":"idx"}`
	if p.dumb {
		status, body = http.StatusNotFound, `<html>nothing here</html>`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		Request: r}
}

// recorded is the org of the state: its URL in the last run, and its id, each "" if it is not on record.
func (b *book) recorded() (url, id string) {
	for _, e := range b.entries {
		if !e.is(ledger.Begun) {
			continue
		}
		url = e.record().Org
		if e.record().Name != "" {
			id = e.record().Name
		}
	}
	return url, id
}

// calmPlace is where a history ends: at the org of the state, which tells its id.
func (w *modelWorld) calmPlace() place {
	p := home
	url, id := w.book.recorded()
	if url != "" {
		p.url = url
	}
	if id != "" {
		p.id = id
	}
	return p
}

// knows reports whether the org that a process looks at is the one of the state, as far as can be told.
func (p place) knows(url, id string) bool {
	switch {
	case url == "":
		return true
	case p.dumb || id == "":
		return p.url == url
	}
	return p.id == id
}

// untold reports whether the org can't be compared with that of the state: at another URL it doesn't tell its id.
func (p place) untold(url, id string) bool { return url != "" && p.url != url && id != "" && p.dumb }

// ownStateOnly is judged by what was on record when the process began. A process whose credential is refused ends
// without having asked which org it is at the URL of the state.
func ownStateOnly(_ *modelWorld, p *modelProcess) string {
	refused := p.report != nil && errors.Is(p.report.Err, audit.ErrWrongOrg) || errors.Is(p.handErr, audit.ErrWrongOrg)
	switch {
	case p.probe != 0:
	case p.place.knows(p.recordedURL, p.recordedID):
		if refused {
			return fmt.Sprintf("refused%v, and the state is of %s with the id %q: %v %v", p.place, p.recordedURL,
				p.recordedID, p.report, p.handErr)
		}
	case p.remembered != "" || len(p.changes) > 0:
		return fmt.Sprintf("it goes on%v, and the state is of %s with the id %q", p.place, p.recordedURL, p.recordedID)
	}
	return ""
}
