package okta

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// What a role assignment has is as in Okta's API description, StandardRole and CustomRole of release 2026.06.3.
func TestEveryKindOfRoleAssignmentIsRead(t *testing.T) {
	id, group := oktatest.UserID(1), "00g1ousb3XCr9Dkr20g4"
	for name, row := range map[string]struct {
		user oktatest.User
		want []Role
	}{
		"none":     {oktatest.User{}, []Role{}},
		"standard": {oktatest.User{Roles: []string{"SUPER_ADMIN"}}, []Role{{"SUPER_ADMIN", true}}},
		"custom":   {oktatest.User{Roles: []string{"CUSTOM"}}, []Role{{"CUSTOM", true}}},
		"a custom one and its resources": {oktatest.User{Assigned: []oktatest.Role{{Type: "CUSTOM",
			Label: "UserCreatorRole", ID: "cr0Yq6IJxGIr0ouum0g3", ResourceSet: "iamoJDFKaJxGIr0oamd9g"}}},
			[]Role{{"CUSTOM", true}}},
		"a custom one that is out of force": {
			oktatest.User{Assigned: []oktatest.Role{{Type: "CUSTOM", Status: "INACTIVE"}}}, []Role{{"CUSTOM", false}}},
		"the standard ones that are made as custom ones": {
			oktatest.User{Roles: []string{"ACCESS_CERTIFICATIONS_ADMIN", "ACCESS_REQUESTS_ADMIN", "WORKFLOWS_ADMIN"}},
			[]Role{{"ACCESS_CERTIFICATIONS_ADMIN", true}, {"ACCESS_REQUESTS_ADMIN", true}, {"WORKFLOWS_ADMIN", true}}},
		"through a group": {oktatest.User{Assigned: []oktatest.Role{{Type: "ORG_ADMIN", Group: group},
			{Type: "CUSTOM", Group: group}}}, []Role{{"ORG_ADMIN", true}, {"CUSTOM", true}}},
		"some of each": {oktatest.User{Roles: []string{"APP_ADMIN", "CUSTOM"}, Assigned: []oktatest.Role{
			{Type: "API_ACCESS_MANAGEMENT_ADMIN", Group: group}, {Type: "HELP_DESK_ADMIN", Status: "INACTIVE"}}},
			[]Role{{"APP_ADMIN", true}, {"CUSTOM", true}, {"API_ACCESS_MANAGEMENT_ADMIN", true},
				{"HELP_DESK_ADMIN", false}}},
	} {
		row.user.ID, row.user.Login = id, "kim"
		org := oktatest.Start(oktatest.Config{Credential: canary, Users: []oktatest.User{row.user}})
		c := connect(t, org)
		roles, err := c.Roles(t.Context(), id)
		require.NoError(t, err, name)
		require.Equal(t, row.want, roles, name)
		owner, err := c.Owner(t.Context(), id)
		require.NoError(t, err, name)
		active := []string{}
		for _, role := range row.want {
			if role.Active {
				active = append(active, role.Type)
			}
		}
		require.Equal(t, Some(active), owner.Roles, name)
	}
}

// A group's role doesn't say whose it is; a user's does, and whoever else a link leads to is not the one asked for.
func TestTheRoleOfAGroupIsNobodyElses(t *testing.T) {
	id := oktatest.UserID(1)
	for link, fine := range map[string]bool{
		"https://acme.okta.com/api/v1/users/" + id:                   true,
		"https://acme.okta.com/api/v1/groups/00g1ousb3XCr9Dkr20g4":   true,
		"/api/v1/groups/00g1ousb3XCr9Dkr20g4":                        true,
		"https://acme.okta.com/api/v1/users/" + oktatest.UserID(2):   false,
		"https://acme.okta.com/api/v1/clients/0oa4ee9vgbIuqTUvd0g7":  false,
		"https://groups/api/v1/users/" + oktatest.UserID(2):          false,
		"https://acme.okta.com/groups/users/" + oktatest.UserID(2):   false,
		"https://acme.okta.com/api/v1/groups/users/00g1ousb3XCr9Dkr": false,
		"groups": false,
		"":       false,
	} {
		org := oktatest.Start(oktatest.Config{Credential: canary})
		c := connect(t, org)
		org.Fault(oktatest.Fault{Status: http.StatusOK, Body: strings.ReplaceAll(
			`[{"type":"ORG_ADMIN","status":"ACTIVE","_links":{"assignee":{"href":"LINK"}}}]`, "LINK", link)})
		_, err := c.Roles(t.Context(), id)
		require.Equal(t, fine, err == nil, "%s: %v", link, err)
	}
}
