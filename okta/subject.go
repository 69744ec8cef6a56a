package okta

import (
	"fmt"
	"strings"
	"sync"
)

// subject is the one thing of the org that a request asks about. No other request than the list's is made without one,
// and no answer is taken that is about another thing (conn.about): a proxy, a cache or the org itself may mix answers
// up.
type subject struct {
	what string // for people: token, user, zone, org
	path string
	// id is what an answer must name. Where only the org knows it, as of users/me, it is "": then the first answer
	// tells, and every later one must agree.
	id string
	// form checks an id that the org tells; nil if any will do.
	form func(id string) error
}

const userPath = "/api/v1/users/"

func tokenSubject(id string) subject {
	return subject{what: "token", path: listPath + "/" + id, id: id}
}

func userSubject(id string) subject { return subject{what: "user", path: userPath + id, id: id} }

// rolesSubject is a user, too: roles are of somebody.
func rolesSubject(id string) subject {
	return subject{what: "user", path: userPath + id + "/roles", id: id}
}

func zoneSubject(id string) subject {
	return subject{what: "zone", path: "/api/v1/zones/" + id, id: id}
}

var (
	meSubject           = subject{what: "user", path: userPath + "me", form: checkUserID}
	organizationSubject = subject{what: "org", path: organizationPath, form: checkOrgID}
)

// decoder reads the body of an answer, which is valid JSON, and returns the id of what it is about.
type decoder func(body []byte) (id Opt[string], err error)

// about decodes an answer, and refuses it unless it is about what was asked for. It is the only way to an answer about
// one thing.
func (c *conn) about(of subject, body []byte, decode decoder) error {
	if err := checkJSON(body); err != nil {
		return err
	}
	is, err := decode(body)
	if err != nil {
		return err
	}
	id, known := is.Get()
	if !known || id == "" {
		return fmt.Errorf("%w: it names no %s: is this an Okta org?", errMalformed, of.what)
	}
	want := of.id
	if want == "" {
		if of.form != nil {
			if err := of.form(id); err != nil {
				return fmt.Errorf("%w: %s", errMalformed, err.Error())
			}
		}
		want = c.answered.first(of.path, id)
	}
	if id != want {
		return fmt.Errorf("%w: it is about the %s %q", errMalformed, of.what, cut(id, maxIDLen))
	}
	return nil
}

// answered are the ids of the first answers, by the path that they came from.
type answered struct {
	mu  sync.Mutex
	ids map[string]string
}

// first is the id of the first answer from a path: id, if there was none before.
func (a *answered) first(path, id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		a.ids = make(map[string]string)
	}
	if a.ids[path] == "" {
		a.ids[path] = id
	}
	return a.ids[path]
}

// lastPart is what follows the last slash of a link: the id of what it leads to.
func lastPart(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

// isGroup reports whether a link leads to a group.
func isGroup(link string) bool {
	return strings.HasSuffix(strings.TrimSuffix(link, lastPart(link)), "/groups/")
}
