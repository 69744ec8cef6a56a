package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"tokensweep/okta/oktatest"
)

// kim owns all tokens of the model but the own ones, and is no administrator; somebody is somebody else.
var kim, somebody = oktatest.UserID(1), oktatest.UserID(2)

const usersPath = "/api/v1/users/"

// oddAnswers are answers that can't be read in full, or are about another thing. Neither says what it seems to say.
var oddAnswers = []modelFault{
	{says: "roles come without their types", fault: oktatest.Fault{Path: usersPath + kim + "/roles",
		Body: `[{"type":"USER_ADMIN","status":"ACTIVE"},{"status":"ACTIVE"}]`}},
	{says: "roles come without their status", fault: oktatest.Fault{Path: usersPath + kim + "/roles",
		Body: `[{"type":"SUPER_ADMIN"}]`}},
	{says: "roles are somebody else's", fault: oktatest.Fault{Path: usersPath + kim + "/roles",
		Body: `[{"type":"USER_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"/api/v1/users/` + somebody +
			`"}}}]`}},
	{says: "an owner is somebody else", fault: oktatest.Fault{Path: usersPath + kim, Body: `{"id":"` + somebody +
		`","status":"ACTIVE"}`}},
	{says: "the owner of the credential is no user", fault: oktatest.Fault{Path: usersPath + "me",
		Body: `{"id":"me","status":"ACTIVE"}`}},
	{says: "the zone is another", fault: oktatest.Fault{Path: "/api/v1/zones/*",
		Body: `{"id":"nzo9office00000000000","status":"ACTIVE"}`}},
	{says: "a reading is about another token", fault: oktatest.Fault{Method: "GET", Path: onePath, Times: 1,
		Body: `{"id":"` + oktatest.TokenID(77) + `","name":"dead-a"}`}},
	{says: "a change is done and its answer is about another token", fault: oktatest.Fault{Method: "[change]",
		Status: 200, Act: true, Times: 1, Body: `{"id":"` + oktatest.TokenID(77) + `","name":"dead-a"}`}},
}

// notInFull are networks as Okta might send them that don't say from where a token can be used.
var notInFull = []string{
	`{"connection":"ZONE","include":["nzo9office00000000000",null]}`,
	`{"connection":"ZONE","include":[null],"exclude":["nzo9office00000000000"]}`,
	`{"connection":"ZONE","include":7,"exclude":["nzo9office00000000000"]}`,
	`{"connection":"ZONE","include":["nzo9office00000000000"],"addresses":["192.0.2.1"]}`,
}

// spoil has a token shown with such a network from now on.
func spoil(n int, network string) act {
	return act{fmt.Sprintf("token %d is shown with the network %s", n, network), func(w *modelWorld) {
		w.org.Update(w.id(n), func(t *oktatest.Token) { t.Instead = map[string]string{"network": network} })
	}}
}

// drawHalf draws a token whose network can't be read in full, and a run that gets an answer which can't, or is about
// something else, by a policy that asks for it.
func drawHalf(d dice, tokens int) act {
	f := pick(d, oddAnswers...)
	if f.fault.Method == "[change]" {
		f.fault.Method = http.MethodPut
	}
	run := modelRun{enforce: true, faults: []modelFault{f}}
	sparing := act{"the policy becomes " + sparingPolicy.says, func(w *modelWorld) { w.policy = sparingPolicy }}
	return inTurn(spoil(d.number(0, tokens-1), pick(d, notInFull...)), sparing, run.act())
}

// understood takes note of what an answer about an owner is worth: what is wrong with it, "" if nothing is.
func (p *modelProcess) understood(r *http.Request, resp *http.Response) {
	rest, about := strings.CutPrefix(r.URL.Path, usersPath)
	if !about || resp == nil || resp.StatusCode != http.StatusOK || p.policy == nil || !p.policy.readsOwners() {
		return
	}
	body := bodyOf(resp)
	id, roles := strings.CutSuffix(rest, "/roles")
	wrong := ""
	if roles {
		wrong = wrongWithRoles(body, id)
	} else if !names(body, id) {
		wrong = "it is about somebody else: " + string(body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.worth == nil {
		p.worth = make(map[string]string)
	}
	p.worth[rest] = wrong
}

// bodyOf reads what an answer brings, and leaves it there.
func bodyOf(resp *http.Response) []byte {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	return body
}

// failing ends as another reader did.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// names reports whether an answer is an object with that id.
func names(body []byte, id string) bool {
	var o struct{ ID any }
	return json.Unmarshal(body, &o) == nil && o.ID == any(id)
}

// wrongWithRoles says what keeps the roles of a user from being known.
func wrongWithRoles(body []byte, id string) string {
	var roles []struct {
		Type, Status any
		Links        struct{ Assignee struct{ Href string } } `json:"_links"`
	}
	if err := json.Unmarshal(body, &roles); err != nil {
		return err.Error()
	}
	for _, r := range roles {
		kind, _ := r.Type.(string)
		of := r.Links.Assignee.Href
		if kind == "" || r.Status != any("ACTIVE") && r.Status != any("INACTIVE") || of != "" &&
			!strings.HasSuffix(of, "/"+id) {
			return "a role is not known in full, or another's: " + string(body)
		}
	}
	return ""
}

// nothingByHalf checks that a rule about an owner's roles acted on roles that were known in full, and that owner's.
func nothingByHalf(_ *modelWorld, p *modelProcess) string {
	for _, c := range p.changes {
		if p.byHand != "" || c.reading == nil || c.reading.token.id == "" {
			continue
		}
		asks := func(r modelRule) bool { return r.delay(c.step) != never && r.matches(c.reading.token, c.at) }
		if slices.ContainsFunc(p.policy.rules, func(r modelRule) bool { return !r.common && asks(r) }) ||
			!slices.ContainsFunc(p.policy.rules, asks) {
			continue // others ask for it as well, or none does, which is another matter
		}
		for _, of := range []string{kim, kim + "/roles"} {
			if wrong := c.worth[of]; wrong != "" {
				return fmt.Sprintf("%v: %s", c, wrong)
			}
		}
	}
	return ""
}

// commonRule matches what deadRule does, unless the owner is a super administrator. In the model nobody is.
var commonRule = modelRule{id: "common", prefixes: deadRule.prefixes, common: true, quarantine: never, revoke: 0}

var sparingPolicy = modelPolicies[slices.IndexFunc(modelPolicies, (*modelPolicy).readsOwners)]

// readsOwners reports whether a rule of the policy asks about owners.
func (p *modelPolicy) readsOwners() bool {
	return slices.ContainsFunc(p.rules, func(r modelRule) bool { return r.common })
}
