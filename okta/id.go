package okta

import (
	"errors"
	"fmt"
	"strings"
)

// ErrBadID is an id that can't be one of Okta's. Nothing was sent: GET /api/v1/api-tokens/ answers the
// whole list, and DELETE /api/v1/api-tokens/current revokes the caller's own token, so a wrong id is
// more than a wrong id.
var ErrBadID = errors.New("not an id of Okta's")

// maxShownID is the longest bad id, in bytes, that an error repeats: people paste secrets for ids.
const maxShownID = 25

// CheckTokenID returns an error that is ErrBadID unless id has the form of an API token's id.
func CheckTokenID(id string) error { return checkID("token", "00T", id) }

func checkOrgID(id string) error { return checkID("org", "00o", id) }

func checkUserID(id string) error { return checkID("user", "00u", id) }

// CheckZoneID returns an error that is ErrBadID unless id has the form of a network zone's id.
func CheckZoneID(id string) error { return checkID("zone", "nzo", id) }

func checkID(what, prefix, id string) error {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) != 17 || strings.ContainsFunc(rest, notAlphanumeric) {
		shown := fmt.Sprintf("%q", id)
		if len(id) > maxShownID { // a secret has 42
			shown = fmt.Sprintf("of %d characters", len(id))
		}
		return fmt.Errorf("%s id %s: %w: want %s and 17 letters or digits", what, shown, ErrBadID, prefix)
	}
	return nil
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}
