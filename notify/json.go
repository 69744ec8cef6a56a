package notify

import (
	"fmt"
	"io"
	"iter"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// The report's JSON is a contract with its readers: fields may be added, and don't change. It is jsonHead, the
// findings, and jsonTail.
type jsonHead struct {
	Schema    int                   `json:"schema"`
	Run       jsonRun               `json:"run"`
	Org       jsonOrg               `json:"org"`
	Policy    jsonPolicy            `json:"policy"`
	Plan      jsonPlan              `json:"plan"`
	Inventory jsonInventory         `json:"inventory"`
	Counts    map[audit.Outcome]int `json:"counts"`
	Changes   jsonChanges           `json:"changes"`
}

type jsonTail struct {
	Vanished  []jsonVanished  `json:"vanished"`
	CalledOff []jsonCalledOff `json:"calledOff"`
	// InQuarantine are the tokens in our quarantine that no finding is about.
	InQuarantine []jsonInQuarantine `json:"inQuarantine"`
	Notes        []string           `json:"notes"`
	Ledger       jsonLedger         `json:"ledger"`
}

type jsonOrg struct {
	URL string `json:"url"`
}

type jsonVanished struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// changesJSON are the changes of a report.
func changesJSON(r *audit.Report) jsonChanges {
	c := r.Changes
	return jsonChanges{c.New, c.Ongoing, c.Resolved, c.Moved, c.Known}
}

// head is the whole of a ledger's head, "" without a ledger.
func head(h ledger.Head) string {
	if h.Seq == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%s", h.Seq, h.Hash)
}

// jsonLedger is the ledger's head after the run, "" without a ledger.
type jsonLedger struct {
	Head string `json:"head"`
}

type jsonRun struct {
	ID       string     `json:"id"`
	Mode     rules.Mode `json:"mode"`
	Started  *string    `json:"started"`
	Finished *string    `json:"finished"`
	AsOf     *string    `json:"asOf"`
	// Final says that the process ends with ExitCode: nothing that is still to be done can change it.
	Final    bool           `json:"final"`
	ExitCode audit.ExitCode `json:"exitCode"`
	Error    string         `json:"error"`
}

type jsonPolicy struct {
	Digest string `json:"digest"`
	File   string `json:"file"`
}

type jsonPlan struct {
	Digest  string `json:"digest"`
	Actions int    `json:"actions"`
}

type jsonInventory struct {
	Tokens     int  `json:"tokens"`
	Pages      int  `json:"pages"`
	Duplicates int  `json:"duplicates"`
	Complete   bool `json:"complete"`
}

// jsonChanges compares with the run before; Known is false where nothing is remembered of one.
type jsonChanges struct {
	New      int  `json:"new"`
	Ongoing  int  `json:"ongoing"`
	Resolved int  `json:"resolved"`
	Moved    int  `json:"moved,omitempty"`
	Known    bool `json:"known"`
}

type jsonFinding struct {
	Token    jsonToken     `json:"token"`
	Owner    *jsonOwner    `json:"owner"`
	Rules    []jsonRule    `json:"rules"`
	Unjudged []jsonRule    `json:"unjudged"`
	Severity string        `json:"severity"`
	Step     string        `json:"step"`
	Outcome  audit.Outcome `json:"outcome"`
	Reason   string        `json:"reason"`
	Remark   string        `json:"remark"`
	Moved    string        `json:"moved,omitempty"`
	Due      *string       `json:"due"`
	Change   *audit.Change `json:"change"`
	jsonCutOff
}

// jsonCutOff says whether a token can't be used, since it is in our quarantine, and more of that quarantine; null if it
// is in none.
type jsonCutOff struct {
	CutOff     bool            `json:"cutOff"`
	Quarantine *jsonQuarantine `json:"quarantine"`
}

type jsonQuarantine struct {
	Since  *string `json:"since"`
	ByHand bool    `json:"byHand"`
	Ends   *string `json:"ends"`
	Spared bool    `json:"spared"`
	Says   string  `json:"says"`
}

func cutOffJSON(q *audit.Quarantine) jsonCutOff {
	if q == nil {
		return jsonCutOff{}
	}
	return jsonCutOff{q.CutOff(), &jsonQuarantine{timestamp(q.Since), q.ByHand, timestamp(q.Ends), q.Spared,
		q.String()}}
}

// jsonInQuarantine is a token in our quarantine that no finding is about.
type jsonInQuarantine struct {
	ID   string  `json:"id"`
	Name *string `json:"name"`
	jsonCutOff
}

// jsonOwner is the owner of a token; null if nobody looked. Unknown says why something is null or, of roles, left out.
type jsonOwner struct {
	Login     *string   `json:"login"`
	Email     *string   `json:"email"`
	Status    *string   `json:"status"`
	LastLogin *string   `json:"lastLogin"`
	Roles     *[]string `json:"roles,omitempty"`
	Unknown   string    `json:"unknown"`
}

func ownerJSON(o *okta.Owner) *jsonOwner {
	if o == nil {
		return nil
	}
	unknown := o.Unknown
	if unknown == "" {
		unknown = o.RolesUnknown
	}
	return &jsonOwner{pointer(o.Login), pointer(o.Email), pointer(o.Status), timePointer(o.LastLogin), listed(o.Roles),
		unknown}
}

type jsonRule struct {
	ID       string   `json:"id"`
	Severity string   `json:"severity"`
	Because  []string `json:"because"`
}

// jsonToken has null for what Okta left out or wrote unreadably. A list is never null: one that isn't known is left
// out, and an empty one is empty.
type jsonToken struct {
	ID          string       `json:"id"`
	Name        *string      `json:"name"`
	ClientName  *string      `json:"clientName"`
	UserID      *string      `json:"userId"`
	Created     *string      `json:"created"`
	LastUpdated *string      `json:"lastUpdated"`
	LastUsed    *string      `json:"lastUsed"`
	NeverUsed   *bool        `json:"neverUsed"`
	ExpiresAt   *string      `json:"expiresAt"`
	Network     *jsonNetwork `json:"network"`
}

type jsonNetwork struct {
	Connection *string   `json:"connection"`
	Include    *[]string `json:"include,omitempty"`
	Exclude    *[]string `json:"exclude,omitempty"`
}

// JSON writes a report as one JSON object.
func JSON(w io.Writer, r *audit.Report) error {
	return writeAround(w, headJSON(r), "findings", findingsJSON(r), tailJSON(r))
}

func findingsJSON(r *audit.Report) iter.Seq[jsonFinding] {
	return func(yield func(jsonFinding) bool) {
		for i := range r.Findings {
			if !yield(findingJSON(&r.Findings[i])) {
				return
			}
		}
	}
}

func headJSON(r *audit.Report) jsonHead {
	j := jsonHead{
		Schema: 1,
		Run: jsonRun{
			ID: r.ID, Mode: r.Mode, Started: timestamp(r.Started), Finished: timestamp(r.Finished),
			AsOf: timestamp(r.AsOf), ExitCode: r.Code, Final: r.Final,
		},
		Org:       jsonOrg{r.OrgURL},
		Policy:    jsonPolicy{r.PolicyDigest, r.PolicyFile},
		Plan:      jsonPlan{r.Digest, r.Actions},
		Inventory: jsonInventory{r.Tokens, r.Pages, r.Duplicates, r.Complete},
		Counts:    make(map[audit.Outcome]int),
		Changes:   changesJSON(r),
	}
	if r.Err != nil {
		j.Run.Error = r.Err.Error()
	}
	for i := range r.Findings {
		j.Counts[r.Findings[i].Outcome]++
	}
	return j
}

func tailJSON(r *audit.Report) jsonTail {
	j := jsonTail{
		Vanished:     make([]jsonVanished, 0, len(r.Vanished)),
		CalledOff:    calledOffJSON(r),
		InQuarantine: make([]jsonInQuarantine, 0, len(r.InQuarantine)),
		Notes:        append([]string{}, r.Notes...),
		Ledger:       jsonLedger{head(r.Head)},
	}
	for _, v := range r.Vanished {
		j.Vanished = append(j.Vanished, jsonVanished(v))
	}
	for _, q := range r.InQuarantine {
		j.InQuarantine = append(j.InQuarantine, jsonInQuarantine{q.Token.ID, pointer(q.Token.Name),
			cutOffJSON(q.Quarantine)})
	}
	return j
}

func findingJSON(f *audit.Finding) jsonFinding {
	return jsonFinding{
		Token: tokenJSON(f.Token), Owner: ownerJSON(f.Token.Owner), Rules: rulesJSON(f.Matched),
		Unjudged: rulesJSON(f.Unknown), Severity: f.Severity.String(),
		Step: f.Step.String(), Outcome: f.Outcome, Reason: f.Reason, Remark: f.Remark, Moved: f.Moved,
		Due:    timestamp(f.Due),
		Change: change(f.Change), jsonCutOff: cutOffJSON(f.Quarantine),
	}
}

// change is null where nothing is remembered of the run before.
func change(c audit.Change) *audit.Change {
	if c == "" {
		return nil
	}
	return &c
}

func rulesJSON(matches []rules.Match) []jsonRule {
	out := make([]jsonRule, 0, len(matches))
	for _, m := range matches {
		out = append(out, jsonRule{m.Rule.ID, m.Rule.Severity.String(), append([]string{}, m.Because()...)})
	}
	return out
}

func tokenJSON(t *okta.Token) jsonToken {
	j := jsonToken{
		ID: t.ID, Name: pointer(t.Name), ClientName: pointer(t.ClientName), UserID: pointer(t.UserID),
		NeverUsed: pointer(t.NeverUsed()),
		Created:   timePointer(t.Created), LastUpdated: timePointer(t.LastUpdated), LastUsed: timePointer(t.LastUsed()),
		ExpiresAt: timePointer(t.ExpiresAt),
	}
	if n, ok := t.Network.Get(); ok && n.Include.Presence() != okta.Malformed &&
		n.Exclude.Presence() != okta.Malformed {
		j.Network = &jsonNetwork{pointer(n.Connection), listed(n.Include), listed(n.Exclude)}
	}
	return j
}

// listed is a list that is known; nil, which leaves it out, for one that is not. Why it isn't is told elsewhere.
func listed(o okta.Opt[[]string]) *[]string {
	list, known := o.Get()
	if !known {
		return nil
	}
	list = append([]string{}, list...) // never null
	return &list
}

func pointer[T any](o okta.Opt[T]) *T {
	if v, ok := o.Get(); ok {
		return &v
	}
	return nil
}

func timePointer(o okta.Opt[time.Time]) *string {
	if v, ok := o.Get(); ok {
		s := v.UTC().Format(time.RFC3339Nano)
		return &s
	}
	return nil
}

// timestamp is a time of ours to the millisecond, or nil for the zero time.
func timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)
	return &s
}
