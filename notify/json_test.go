package notify_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/notify"
	"tokensweep/okta"
)

// A list that is missing is left out of the JSON, as explain says that it is missing; one that is there and
// empty is [].
func TestJSONLeavesOutAListThatIsMissing(t *testing.T) {
	type object = map[string]any
	inJSON := func(network okta.Network, roles okta.Opt[[]string]) (object, object) {
		token := okta.Token{ID: "00T00000000000000001", Network: okta.Some(network), Owner: &okta.Owner{Roles: roles}}
		var b bytes.Buffer
		require.NoError(t, notify.InventoryJSON(&b, &notify.Inventory{Tokens: []okta.Token{token}}))
		var inventory struct {
			Tokens []struct{ Network, Owner object }
		}
		require.NoError(t, json.Unmarshal(b.Bytes(), &inventory))
		return inventory.Tokens[0].Network, inventory.Tokens[0].Owner
	}
	empty, missing := okta.Some([]string{}), okta.Opt[[]string]{}

	network, owner := inJSON(okta.Network{Connection: okta.Some("ANYWHERE")}, missing)
	require.Equal(t, object{"connection": "ANYWHERE"}, network)
	require.NotContains(t, owner, "roles")

	network, owner = inJSON(okta.Network{Connection: okta.Some("ZONE"), Include: empty}, empty)
	require.Equal(t, object{"connection": "ZONE", "include": []any{}}, network)
	require.Equal(t, []any{}, owner["roles"])

	_, owner = inJSON(okta.Network{}, okta.Some([]string{"SUPER_ADMIN"}))
	require.Equal(t, []any{"SUPER_ADMIN"}, owner["roles"])
}
