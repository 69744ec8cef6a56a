package oktatest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Role is an administrator role that a user has, where its type does not say it all.
type Role struct {
	Type   string // SUPER_ADMIN, ..., CUSTOM
	Label  string // "" means Okta's own name of Type
	Status string // ACTIVE if "", or INACTIVE

	// Group is the id of the group that the role was given to; "" if it was given to the user.
	Group string

	// ID and ResourceSet are what a custom role is, and which resources it is for. If "", they are made up. Standard
	// roles have none, but for those few that Okta makes as custom ones are.
	ID, ResourceSet string
}

// roleWire has its keys in the order of Okta's examples.
type roleWire struct {
	ID             string          `json:"id"`
	Role           string          `json:"role,omitempty"`
	Label          string          `json:"label"`
	Type           string          `json:"type"`
	Status         string          `json:"status"`
	Created        string          `json:"created"`
	LastUpdated    string          `json:"lastUpdated"`
	AssignmentType string          `json:"assignmentType"`
	ResourceSet    string          `json:"resource-set,omitempty"`
	Links          map[string]link `json:"_links"`
}

// roleLabels are the names that Okta shows; the first two are recorded, the others are from its list of
// standard roles (https://developer.okta.com/docs/api/openapi/okta-management/guides/roles/).
var roleLabels = map[string]string{
	"APP_ADMIN":                   "Application Administrator",
	"SUPER_ADMIN":                 "Super Administrator",
	"ORG_ADMIN":                   "Organization Administrator",
	"USER_ADMIN":                  "Group Administrator",
	"GROUP_MEMBERSHIP_ADMIN":      "Group Membership Administrator",
	"HELP_DESK_ADMIN":             "Help Desk Administrator",
	"READ_ONLY_ADMIN":             "Read-only Administrator",
	"REPORT_ADMIN":                "Report Administrator",
	"API_ACCESS_MANAGEMENT_ADMIN": "API Access Management Administrator",
	"ACCESS_CERTIFICATIONS_ADMIN": "Access Certifications Administrator",
	"ACCESS_REQUESTS_ADMIN":       "Access Requests Administrator",
	"WORKFLOWS_ADMIN":             "Workflows Administrator",
}

// roles answers the roles of a user, those given through groups included.
func (c *call) roles() answer {
	u, ok := c.findUser()
	if !ok {
		return c.fail(notFound(c.segments[3], "User"))
	}
	all := make([]Role, 0, len(u.Roles)+len(u.Assigned))
	for _, kind := range u.Roles {
		all = append(all, Role{Type: kind})
	}
	wires := make([]roleWire, 0, cap(all))
	for i, role := range append(all, u.Assigned...) {
		wires = append(wires, role.wire(u, i, c.base))
	}
	return c.ok(encode(wires))
}

// wire is the n-th role of a user, as the two kinds of Okta's API description are, StandardRole and CustomRole.
func (r Role) wire(u User, n int, base string) roleWire {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", u.ID, n))
	random := hex.EncodeToString(sum[:])
	at := wireTime(u.Created)
	w := roleWire{
		ID:             "ra1" + random[:14] + "1d7",
		Label:          or(r.Label, or(roleLabels[r.Type], r.Type)),
		Type:           r.Type,
		Status:         or(r.Status, "ACTIVE"),
		Created:        at,
		LastUpdated:    at,
		AssignmentType: "USER",
		Links:          map[string]link{"assignee": {Href: base + "/api/v1/users/" + u.ID}},
	}
	if r.Group != "" {
		w.ID, w.AssignmentType = "gra"+random[:14]+"1d7", "GROUP"
		w.Links["assignee"] = link{Href: base + "/api/v1/groups/" + r.Group}
	}
	switch r.Type {
	case "CUSTOM":
		w.Role, w.ResourceSet = "cr0"+random[20:34]+"1d7", "iam"+random[34:48]+"1d7"
	case "ACCESS_CERTIFICATIONS_ADMIN", "ACCESS_REQUESTS_ADMIN", "WORKFLOWS_ADMIN":
		w.Role, w.ResourceSet = r.Type, strings.TrimSuffix(r.Type, "_ADMIN")+"_IAM_POLICY"
	default:
		return w
	}
	w.ID = "irb" + w.ID[3:]
	w.Role, w.ResourceSet = cmp.Or(r.ID, w.Role), cmp.Or(r.ResourceSet, w.ResourceSet)
	iam := base + "/api/v1/iam/"
	w.Links["role"] = link{Href: iam + "roles/" + w.Role}
	w.Links["permissions"] = link{Href: iam + "permission-sets/" + w.Role + "/permissions"}
	w.Links["resource-set"] = link{Href: iam + "resource-sets/" + w.ResourceSet}
	w.Links["member"] = link{Href: iam + "resource-sets/" + w.ResourceSet + "/bindings/" + w.Role + "/members/" + w.ID}
	return w
}
