package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/okta/oktatest"
	"tokensweep/rules"
)

// probeAll asks in two or three ways what would come of the world as it is now, or some days later, and compares the
// answers. Nothing is remembered of that: the runs judge as of an instant of their own.
func (p *modelProcess) probeAll(l *ledger.Ledger) {
	rng := rand.New(rand.NewPCG(p.probe, 0))
	at := time.Now().Add([]time.Duration{0, 25 * time.Hour, 49 * time.Hour, 5 * day}[rng.IntN(4)])
	tokens := p.w.org.Tokens()
	ask := func(policy *rules.Policy, pageSize int, way func(http.RoundTripper) http.RoundTripper,
		tokens []oktatest.Token) *audit.Report {
		org := oktatest.New(oktatest.Config{
			ID: p.place.id, Credential: canary, Me: me, OwnToken: p.w.id(ownToken), PageSize: pageSize, Tokens: tokens,
			Zones: []oktatest.Zone{{ID: zoneID}}, Users: []oktatest.User{{ID: kim}},
		})
		defer org.Close()
		client, err := okta.New(okta.Options{OrgURL: p.place.url, Token: okta.NewSecret(canary), RateShare: 1,
			Transport: way(org.Transport())})
		if err != nil {
			panic(err)
		}
		return audit.Run(context.Background(), audit.Options{Org: client.Reader, Policy: policy, AsOf: at, Ledger: l,
			Now: time.Now})
	}
	plain := func(way http.RoundTripper) http.RoundTripper { return way }
	shuffling := func(way http.RoundTripper) http.RoundTripper { return &shuffled{way: way, rng: rng} }

	first := ask(p.policy.parsed, 3, plain, tokens)
	compare := func(policy *rules.Policy, says string) *audit.Report {
		again := ask(policy, rng.IntN(3), shuffling, tokens)
		if a, b := decisions(first), decisions(again); !maps.Equal(a, b) {
			p.w.violatedBy(orderIsNoMatter, "%v, and %s %v", a, says, b)
		}
		return again
	}
	less := func(says string, less *audit.Report) {
		for id := range due(less) {
			if !due(first)[id] {
				p.w.violatedBy(lessIsLess, "%s makes %s due: %v, %v", says, id, decisions(first), decisions(less))
			}
		}
	}
	switch rng.IntN(4) {
	case 0:
		if again := compare(p.policy.parsed, "in another order"); first.Digest != again.Digest {
			p.w.violatedBy(samePlan, "%v has the digest %s and then %s", decisions(first), first.Digest, again.Digest)
		}
		compare(p.policy.reversed, "with the rules in another order")
	case 1:
		less("an exemption more", ask(p.policy.exempting, 3, plain, tokens))
	case 2:
		limited := ask(p.policy.limiting, 3, plain, tokens)
		less("a lower limit", limited)
		if limited.Actions > first.Actions {
			p.w.violatedBy(lessIsLess, "%d actions, and with a lower limit %d", first.Actions, limited.Actions)
		}
	case 3:
		used := slices.Clone(tokens)
		n := rng.IntN(len(used))
		used[n].LastUsed = time.Now().Add(-time.Hour)
		less("a use of "+used[n].ID, ask(p.policy.parsed, 3, plain, used))
	}
}

// decisions are what a report says of each token.
func decisions(r *audit.Report) map[string]string {
	all := make(map[string]string)
	for i := range r.Findings {
		f := &r.Findings[i]
		var ids []string
		for _, m := range f.Matched {
			ids = append(ids, m.Rule.ID)
		}
		slices.Sort(ids)
		all[f.Token.ID] = fmt.Sprint(f.Outcome, f.Step, f.Due, ids)
	}
	if r.Err != nil {
		all["error"] = r.Err.Error()
	}
	return all
}

// due are the tokens whose step is due, held back or not.
func due(r *audit.Report) map[string]bool {
	all := make(map[string]bool)
	for i := range r.Findings {
		switch f := &r.Findings[i]; f.Outcome {
		case audit.WouldQuarantine, audit.WouldRevoke, audit.Held:
			all[f.Token.ID] = true
		}
	}
	return all
}

// shuffled shuffles the tokens of each page of a list, and lets one come twice.
type shuffled struct {
	way  http.RoundTripper
	rng  *rand.Rand
	last json.RawMessage
}

// RoundTrip implements http.RoundTripper.
func (s *shuffled) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.way.RoundTrip(r)
	if err != nil || r.URL.Path != listPath {
		return resp, err
	}
	var page []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		return nil, err
	}
	if !r.URL.Query().Has("after") { // the list is read from its beginning
		s.last = nil
	}
	s.rng.Shuffle(len(page), func(i, j int) { page[i], page[j] = page[j], page[i] })
	if s.last != nil {
		page = append(page, s.last)
	}
	if len(page) > 0 {
		s.last = page[0]
	}
	body, err := json.Marshal(page)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// more are variants of a policy that ask for less.
func (p *modelPolicy) more() {
	text := p.yaml(p.rules)
	extra := strings.Replace(text, "exemptions: [",
		"exemptions: [{match: {name: {like: \"*-a\"}}, reason: drill, owner: sre, until: 2099-12-31}, ", 1)
	p.exempting = mustParse(extra)
	p.limiting = mustParse(strings.Replace(text, fmt.Sprintf("perRun: %d", p.perRun),
		fmt.Sprintf("perRun: %d", max(0, p.perRun-1)), 1))
}
