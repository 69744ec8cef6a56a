package oktatest

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

type link struct {
	Href   string `json:"href"`
	Method string `json:"method,omitempty"`
}

type userWire struct {
	ID              string         `json:"id"`
	Status          string         `json:"status"`
	Created         string         `json:"created"`
	Activated       *string        `json:"activated"`
	StatusChanged   string         `json:"statusChanged"`
	LastLogin       *string        `json:"lastLogin"`
	LastUpdated     string         `json:"lastUpdated"`
	PasswordChanged *string        `json:"passwordChanged"`
	Type            idWire         `json:"type"`
	Profile         profileWire    `json:"profile"`
	Credentials     credentialWire `json:"credentials"`
	Links           map[string]any `json:"_links"`
}

type idWire struct {
	ID string `json:"id"`
}

type credentialWire struct {
	Provider struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"provider"`
}

type profileWire struct {
	FirstName   string  `json:"firstName"`
	LastName    string  `json:"lastName"`
	MobilePhone *string `json:"mobilePhone"`
	SecondEmail *string `json:"secondEmail"`
	Login       string  `json:"login"`
	Email       string  `json:"email"`
}

// typeID is the org's one user type; the id is the recorded one.
const typeID = "5qwjvh0Vy1j8Kd1d7"

func wireTime(t time.Time) string { return t.UTC().Format(timeForm) }

func (u User) wire(base string) userWire {
	self := base + "/api/v1/users/" + u.ID
	w := userWire{
		ID:            u.ID,
		Status:        or(u.Status, "ACTIVE"),
		Created:       wireTime(u.Created),
		StatusChanged: wireTime(u.Created),
		Type:          idWire{"oty" + typeID},
		Profile: profileWire{FirstName: u.FirstName, LastName: u.LastName, Login: u.Login,
			Email: or(u.Email, u.Login)},
		Links: map[string]any{
			"self":   link{Href: self},
			"schema": link{Href: base + "/api/v1/meta/schemas/user/osc" + typeID},
			"type":   link{Href: base + "/api/v1/meta/types/user/oty" + typeID},
		},
	}
	w.Credentials.Provider.Type, w.Credentials.Provider.Name = "OKTA", "OKTA"
	if !u.StatusChanged.IsZero() {
		w.StatusChanged = wireTime(u.StatusChanged)
	}
	w.LastUpdated = w.StatusChanged
	if w.Status != "STAGED" {
		w.Activated = &w.Created
	}
	if !u.LastLogin.IsZero() {
		s := wireTime(u.LastLogin)
		w.LastLogin = &s
	}
	for _, step := range lifecycle(w.Status) {
		w.Links[step.name] = link{Href: self + "/lifecycle/" + step.path, Method: "POST"}
	}
	return w
}

type step struct{ name, path string }

// lifecycle is what may be done to a user. It is recorded for PROVISIONED and assumed for the others.
func lifecycle(status string) []step {
	deactivate := step{"deactivate", "deactivate"}
	live := []step{{"suspend", "suspend"}, {"resetPassword", "reset_password"}, deactivate}
	switch status {
	case "DEPROVISIONED", "STAGED":
		return []step{{"activate", "activate"}}
	case "SUSPENDED":
		return []step{{"unsuspend", "unsuspend"}, deactivate}
	case "LOCKED_OUT":
		return []step{{"unlock", "unlock"}, deactivate}
	case "PROVISIONED":
		return append(live, step{"reactivate", "reactivate"})
	default:
		return live
	}
}

// findUser returns the user that the path names.
func (c *call) findUser() (User, bool) {
	id := c.segments[3]
	if id == "me" && c.app == "" {
		id = c.cfg.Me
	}
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	u, ok := c.org.users[id]
	return u, ok
}

func (c *call) user() answer {
	u, ok := c.findUser()
	if !ok {
		return c.fail(notFound(c.segments[3], "User"))
	}
	body := encode(u.wire(c.base))
	sum := sha256.Sum256(body)
	c.header.Set("Etag", `W/"`+hex.EncodeToString(sum[:])+`"`)
	return c.ok(body)
}

// address is a part of an IP zone.
type address struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// addresses are those of a zone, or others if there are none; null if there are no others.
func addresses(list []string, others ...string) (all []address) {
	if len(list) == 0 {
		list = others
	}
	for _, value := range list {
		kind := "CIDR"
		if strings.Contains(value, "-") {
			kind = "RANGE"
		}
		all = append(all, address{kind, value})
	}
	return all
}

// zone answers a network zone.
func (c *call) zone() answer {
	id := c.segments[3]
	c.org.mu.Lock()
	z, ok := c.org.zones[id]
	c.org.mu.Unlock()
	if !ok {
		return c.fail(notFound(id, "NetworkZone"))
	}
	return c.ok(encode(z.wire(c.base)))
}

// wire is what is sent of a zone. Its form is documented, not recorded
// (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/NetworkZone/).
func (z Zone) wire(base string) any {
	type hints struct {
		Allow []string `json:"allow"`
	}
	return struct {
		Type     string    `json:"type"`
		ID       string    `json:"id"`
		Name     string    `json:"name"`
		Status   string    `json:"status"`
		Usage    string    `json:"usage"`
		System   bool      `json:"system"`
		Gateways []address `json:"gateways"`
		Proxies  []address `json:"proxies"`
		Links    any       `json:"_links"`
	}{
		Type: or(z.Type, "IP"), ID: z.ID, Name: z.Name, Status: or(z.Status, "ACTIVE"), Usage: or(z.Usage, "POLICY"),
		Gateways: addresses(z.Gateways, "192.0.2.1/32"), Proxies: addresses(z.Proxies),
		Links: map[string]any{"self": map[string]any{
			"href":  base + "/api/v1/zones/" + z.ID,
			"hints": hints{[]string{"GET", "PUT", "DELETE"}},
		}},
	}
}

// organization answers the org's metadata, which needs no credential. Its form is documented, not recorded
// (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/OrgSettingMetadata/).
func (c *call) organization() answer {
	return c.ok(encode(map[string]any{
		"id":       c.cfg.ID,
		"pipeline": "idx",
		"_links":   map[string]any{"organization": link{Href: c.base}},
	}))
}
