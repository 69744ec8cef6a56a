package oktatest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// org is what is true: tokens, users and zones. It knows nothing of HTTP.
type org struct {
	now func() time.Time
	me  string
	own string

	mu     sync.Mutex
	tokens map[string]*entry
	order  []*entry // all of tokens, in the order of the list
	users  map[string]User
	zones  map[string]Zone
}

// entry is a token with what is asked for often. It is never changed, only replaced, so that it can be
// rendered without the lock.
type entry struct {
	Token
	place
	expires int64 // Unix seconds
}

// place is a place in the list's order: by name without regard to case, as the recordings suggest, and
// then by id, so that it is total.
type place struct{ key, id string }

func (p place) compare(q place) int {
	return cmp.Or(strings.Compare(p.key, q.key), strings.Compare(p.id, q.id))
}

func newOrg(cfg Config) *org {
	o := &org{
		now:    cfg.Now,
		me:     cfg.Me,
		own:    cfg.OwnToken,
		tokens: make(map[string]*entry, len(cfg.Tokens)),
		users:  make(map[string]User, len(cfg.Users)+1),
		zones:  make(map[string]Zone, len(cfg.Zones)),
	}
	if cfg.Me != "" {
		o.setUser(User{ID: cfg.Me, Login: "me@example.com", FirstName: "Me", LastName: "Myself",
			Roles: []string{"SUPER_ADMIN"}})
	}
	for _, u := range cfg.Users {
		o.setUser(u)
	}
	for _, z := range cfg.Zones {
		o.zones[z.ID] = z
	}
	o.add(cfg.Tokens)
	return o
}

// newEntry fills in what a new token left out.
func (o *org) newEntry(t Token) *entry {
	t = t.clone()
	if t.Created.IsZero() {
		t.Created = o.second()
	}
	if t.UserID == "" && t.ID == o.own {
		t.UserID = o.me
	}
	return &entry{Token: t, place: place{strings.ToLower(cmp.Or(t.Place, t.Name)), t.ID},
		expires: ceilSecond(t.expiresAt())}
}

func ceilSecond(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// second is the time to which effects are dated: Okta's times have whole seconds.
func (o *org) second() time.Time { return o.now().UTC().Truncate(time.Second) }

// active says whether the token is still there at now. Okta revokes a token that has not been used for
// its window, and lists active ones only
// (https://developer.okta.com/docs/guides/create-an-api-token/main/).
func (e *entry) active(now time.Time) bool {
	return e.Raw != nil || now.Unix() < e.expires
}

// get returns the token if it is there and active. The caller holds mu, here and below.
func (o *org) get(id string) (*entry, bool) {
	e, ok := o.tokens[id]
	if !ok || !e.active(o.now()) {
		return nil, false
	}
	return e, true
}

func (o *org) find(p place) (int, bool) {
	return slices.BinarySearchFunc(o.order, p, func(e *entry, p place) int { return e.place.compare(p) })
}

// put stores e in place of any token with its id.
func (o *org) put(e *entry) {
	if old, ok := o.tokens[e.ID]; ok {
		i, _ := o.find(old.place)
		if old.place == e.place {
			o.order[i] = e
			o.tokens[e.ID] = e
			return
		}
		o.order = slices.Delete(o.order, i, i+1)
	}
	i, _ := o.find(e.place)
	o.order = slices.Insert(o.order, i, e)
	o.tokens[e.ID] = e
}

func (o *org) add(tokens []Token) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(tokens) < 100 {
		for _, t := range tokens {
			o.put(o.newEntry(t))
		}
		return
	}
	// Sorting once is cheaper than inserting each.
	for _, t := range tokens {
		e := o.newEntry(t)
		o.tokens[t.ID] = e
		o.order = append(o.order, e)
	}
	o.order = slices.DeleteFunc(o.order, func(e *entry) bool { return o.tokens[e.ID] != e }) // replaced ones
	slices.SortFunc(o.order, func(a, b *entry) int { return a.place.compare(b.place) })
}

func (o *org) remove(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, ok := o.get(id)
	if !ok {
		return false
	}
	delete(o.tokens, id)
	i, _ := o.find(e.place)
	o.order = slices.Delete(o.order, i, i+1)
	return true
}

// update changes a token by f, which sees and changes a copy.
func (o *org) update(id string, f func(*Token)) (*entry, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e, ok := o.get(id)
	if !ok {
		return nil, false
	}
	t := e.Token.clone()
	f(&t)
	t.ID = id
	e = o.newEntry(t)
	o.put(e)
	return e, true
}

// useEvery is how often a use is noted. In the recordings calls up to 34 s after the last noted use moved
// nothing, and one 72 s after it did.
const useEvery = time.Minute

func (o *org) use(id string) bool {
	o.mu.Lock()
	e, ok := o.get(id)
	now := o.second()
	o.mu.Unlock()
	if !ok {
		return false
	}
	if !e.LastUsed.IsZero() && now.Sub(e.LastUsed) < useEvery {
		return true
	}
	_, ok = o.update(id, func(t *Token) {
		if now.After(t.LastUsed) {
			t.LastUsed = now
		}
		if now.After(t.LastUpdated) {
			t.LastUpdated = now
		}
	})
	return ok
}

func (o *org) setUser(u User) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u = u.clone()
	if u.Created.IsZero() {
		u.Created = o.second()
	}
	o.users[u.ID] = u
}

// Tokens returns the active tokens in the order of the list.
func (s *Server) Tokens() []Token {
	entries, _ := s.org.slice(place{}, -1)
	tokens := make([]Token, len(entries))
	for i, e := range entries {
		tokens[i] = e.Token.clone()
	}
	return tokens
}

// Token returns an active token.
func (s *Server) Token(id string) (Token, bool) {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	e, ok := s.org.get(id)
	if !ok {
		return Token{}, false
	}
	return e.Token.clone(), true
}

// Add adds tokens, each in place of one with its ID.
func (s *Server) Add(tokens ...Token) { s.org.add(tokens) }

// Remove revokes a token, as somebody else would. It reports whether there was one.
func (s *Server) Remove(id string) bool { return s.org.remove(id) }

// Update changes an active token by f, in which the Server must not be called; the ID stays. Nothing else
// about the token changes, unlike with PUT. It reports whether there is such a token.
func (s *Server) Update(id string, f func(*Token)) bool {
	_, ok := s.org.update(id, f)
	return ok
}

// Use uses a token, as Okta sees it: lastUpdated and expiresAt move, but not if they did within the last
// minute. It reports whether there is such a token.
func (s *Server) Use(id string) bool { return s.org.use(id) }

// SetUser adds a user, or replaces the one with that ID.
func (s *Server) SetUser(u User) { s.org.setUser(u) }

// RemoveUser deletes a user, but none of its tokens. It reports whether there was one.
func (s *Server) RemoveUser(id string) bool {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	_, ok := s.org.users[id]
	delete(s.org.users, id)
	return ok
}

// SetZone adds a network zone, or replaces the one with that ID.
func (s *Server) SetZone(z Zone) {
	s.org.mu.Lock()
	defer s.org.mu.Unlock()
	s.org.zones[z.ID] = z
}
