package audit

import (
	"context"
	"fmt"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// orgPatience bounds the question which org it is: where the URL is that of the runs before, a run does without the
// answer.
const orgPatience = 30 * time.Second

// identity is which org is looked at: it is known by its id, which stays when it gets another URL, such as a domain of
// its own, and which no other org has. It is asked once, and costs no credential.
type identity struct {
	org   *okta.Reader
	asked bool
	id    string // "" if it could not be read
	err   error  // why
}

// ask asks the org for its id.
func (i *identity) ask(ctx context.Context) {
	if i.asked {
		return
	}
	i.asked = true
	ctx, cancel := context.WithTimeoutCause(ctx, orgPatience, fmt.Errorf("no answer within %v", orgPatience))
	defer cancel()
	o, err := i.org.Organization(ctx)
	i.id, i.err = o.ID, err
}

// continues refuses, with an ErrWrongOrg, a state that is of another org. At another URL than that of the state the org
// is asked for its id; if it can't be read there the error is that of the reading, such as a network that is down or a
// signal. At the same URL the id is looked at if it is known.
func (i *identity) continues(ctx context.Context, store ledger.Store, past History) error {
	url := i.org.OrgURL()
	if past.Org != "" && past.Org != url && past.OrgID != "" {
		if i.ask(ctx); i.err != nil {
			return fmt.Errorf("%s: %w", past.ofAnother(store, url, untold+"its id could not be read"), i.err)
		}
	}
	if why, advice := past.differs(url, i.id); why != "" {
		return fmt.Errorf("%w: %s: %s", ErrWrongOrg, past.ofAnother(store, url, why), advice)
	}
	return nil
}

// ofAnother says that a state is of another org than the one at url.
func (h History) ofAnother(store ledger.Store, url, why string) string {
	where := ""
	if store != (ledger.Store{}) { // else whoever looks has named it
		where = " in " + store.String()
	}
	if h.Org == url {
		return fmt.Sprintf("the ledger%s is of %s: %s", where, url, why)
	}
	return fmt.Sprintf("the ledger%s is of %s, and OKTA_CLIENT_ORGURL is %s: %s", where, h.Org, url, why)
}

const untold = "whether the org is the same can't be told, since "

// unread reports whether a state can't be compared with the org at url, since the org's id could not be read.
func (h History) unread(url, id string) bool {
	return h.Org != "" && h.Org != url && h.OrgID != "" && id == ""
}

// differs says why the org at url is not known to be that of the state, and what to do; "" if it is. id is the org's,
// "" if it could not be read.
func (h History) differs(url, id string) (why, advice string) {
	advice = "give each org a state directory of its own"
	if !h.Listed {
		advice = "no list of that org was ever read, so if its URL was a slip the directory can be deleted"
	}
	same := h.Org == "" || h.Org == url
	switch {
	case id != "" && id == h.OrgID, same && (id == "" || h.OrgID == ""):
		return "", ""
	case same:
		return fmt.Sprintf("the org there has the id %s now, and had %s, so that it is another or was made anew", id,
			okta.Printable(h.OrgID)), advice
	case h.OrgID == "":
		return untold + "no run has recorded its id", "if it is, make one dry run at the URL before with this " +
			"version; else " + advice
	case h.unread(url, id):
		return untold + "its id could not be read", "try again, or " + advice
	}
	return fmt.Sprintf("the org there has the id %s, and the ledger's is %s", id, okta.Printable(h.OrgID)), advice
}

// pastOf is what a state tells of its org.
func pastOf(s *ledger.State) History {
	return History{Org: s.Org, OrgID: s.OrgID, Listed: s.Listing != nil}
}

// RightOrg refuses, with an ErrWrongOrg, a policy that is pinned to another org than that which is asked, and a store
// whose ledger is of another. It sends nothing unless the ledger has another URL.
func RightOrg(ctx context.Context, org *okta.Reader, p *rules.Policy, store ledger.Store, past History) error {
	return rightOrg(ctx, &identity{org: org}, p, store, past)
}

func rightOrg(ctx context.Context, i *identity, p *rules.Policy, store ledger.Store, past History) error {
	if p.Org != "" && p.Org != i.org.OrgURL() {
		return fmt.Errorf("%w: the policy %s is pinned to %s, and OKTA_CLIENT_ORGURL is %s", ErrWrongOrg, p.File, p.Org,
			i.org.OrgURL())
	}
	return i.continues(ctx, store, past)
}
