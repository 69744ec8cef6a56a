package oktatest_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

var (
	bindingIDs = regexp.MustCompile(`(irb|gra)[0-9a-f]{14}1d7`)
	customIDs  = regexp.MustCompile(`"(irb|cr0|iam)[0-9a-f]{14}1d7"`)
)

// What a role is made of is from Okta's API description, the schemas StandardRole and CustomRole and the example
// StandardAndCustomRolesListResponse of release 2026.06.3.
func TestRolesAreAsOktaDescribesThem(t *testing.T) {
	const group, base = "00g1ousb3XCr9Dkr20g4", recordedHost + "/api/v1"
	created := at("2019-02-06T16:20:57Z")
	s := start(t, oktatest.Config{Users: []oktatest.User{
		{ID: "00u1", Created: created, Assigned: []oktatest.Role{{Type: "CUSTOM", Label: "UserCreatorRole",
			ID: "cr0Yq6IJxGIr0ouum0g3", ResourceSet: "iamoJDFKaJxGIr0oamd9g"}}},
		{ID: "00u2", Created: created,
			Assigned: []oktatest.Role{{Type: "ORG_ADMIN", Group: group, Status: "INACTIVE"}}},
		{ID: "00u3", Created: created, Assigned: []oktatest.Role{{Type: "ACCESS_CERTIFICATIONS_ADMIN", Group: group}}},
	}})
	for id, want := range map[string]string{
		"00u1": `[{"id":"ID","role":"cr0Yq6IJxGIr0ouum0g3","label":"UserCreatorRole","type":"CUSTOM",` +
			`"status":"ACTIVE","created":"2019-02-06T16:20:57.000Z","lastUpdated":"2019-02-06T16:20:57.000Z",` +
			`"assignmentType":"USER","resource-set":"iamoJDFKaJxGIr0oamd9g",` +
			`"_links":{"assignee":{"href":"` + base + `/users/00u1"},` +
			`"member":{"href":"` + base + `/iam/resource-sets/iamoJDFKaJxGIr0oamd9g/bindings/cr0Yq6IJxGIr0ouum0g3/` +
			`members/ID"},` +
			`"permissions":{"href":"` + base + `/iam/permission-sets/cr0Yq6IJxGIr0ouum0g3/permissions"},` +
			`"resource-set":{"href":"` + base + `/iam/resource-sets/iamoJDFKaJxGIr0oamd9g"},` +
			`"role":{"href":"` + base + `/iam/roles/cr0Yq6IJxGIr0ouum0g3"}}}]`,
		"00u2": `[{"id":"ID","label":"Organization Administrator","type":"ORG_ADMIN","status":"INACTIVE",` +
			`"created":"2019-02-06T16:20:57.000Z","lastUpdated":"2019-02-06T16:20:57.000Z","assignmentType":"GROUP",` +
			`"_links":{"assignee":{"href":"` + base + `/groups/` + group + `"}}}]`,
		"00u3": `[{"id":"ID","role":"ACCESS_CERTIFICATIONS_ADMIN","label":"Access Certifications Administrator",` +
			`"type":"ACCESS_CERTIFICATIONS_ADMIN","status":"ACTIVE",` +
			`"created":"2019-02-06T16:20:57.000Z","lastUpdated":"2019-02-06T16:20:57.000Z","assignmentType":"GROUP",` +
			`"resource-set":"ACCESS_CERTIFICATIONS_IAM_POLICY",` +
			`"_links":{"assignee":{"href":"` + base + `/groups/` + group + `"},` +
			`"member":{"href":"` + base + `/iam/resource-sets/ACCESS_CERTIFICATIONS_IAM_POLICY/bindings/` +
			`ACCESS_CERTIFICATIONS_ADMIN/members/ID"},` +
			`"permissions":{"href":"` + base + `/iam/permission-sets/ACCESS_CERTIFICATIONS_ADMIN/permissions"},` +
			`"resource-set":{"href":"` + base + `/iam/resource-sets/ACCESS_CERTIFICATIONS_IAM_POLICY"},` +
			`"role":{"href":"` + base + `/iam/roles/ACCESS_CERTIFICATIONS_ADMIN"}}}]`,
	} {
		got := ask(t, s, "GET", "/api/v1/users/"+id+"/roles", "")
		body := bindingIDs.ReplaceAllString(got.body, "ID")
		require.Equal(t, want, body)
	}
}

// A custom role of which nobody says more has ids, which are the same every time and no other user's.
func TestACustomRoleHasIDsOfItsOwn(t *testing.T) {
	s := start(t, oktatest.Config{Users: []oktatest.User{{ID: "00u1", Roles: []string{"CUSTOM", "CUSTOM"}},
		{ID: "00u2", Roles: []string{"CUSTOM"}}}})
	roles := func(of string) string { return ask(t, s, "GET", "/api/v1/users/"+of+"/roles", "").body }
	kim, lee := roles("00u1"), roles("00u2")
	require.Equal(t, kim, roles("00u1"))
	all := customIDs.FindAllString(kim+lee, -1)
	require.Len(t, all, 9, "three ids for each of three roles")
	seen := make(map[string]bool)
	for _, id := range all {
		require.False(t, seen[id], id)
		seen[id] = true
	}
}
