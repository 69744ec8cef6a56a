package okta

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	tokenID = regexp.MustCompile(`^00T[0-9A-Za-z]{17}$`)
	userID  = regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`)
	zoneID  = regexp.MustCompile(`^nzo[0-9A-Za-z]{17}$`)
)

// ErrBadID is an id that can't be one of Okta's. Nothing was sent: GET /api/v1/api-tokens/ answers the
// whole list, and DELETE /api/v1/api-tokens/current revokes the caller's own token, so a wrong id is
// more than a wrong id.
var ErrBadID = errors.New("not an id of Okta's")

// maxShownID is the longest bad id, in bytes, that an error repeats: people paste secrets for ids.
const maxShownID = 25

// CheckTokenID returns an error that is ErrBadID unless id has the form of an API token's id.
func CheckTokenID(id string) error { return checkID("token", tokenID, "00T", id) }

func checkUserID(id string) error { return checkID("user", userID, "00u", id) }

// CheckZoneID returns an error that is ErrBadID unless id has the form of a network zone's id.
func CheckZoneID(id string) error { return checkID("zone", zoneID, "nzo", id) }

func checkID(what string, form *regexp.Regexp, prefix, id string) error {
	if !form.MatchString(id) {
		shown := fmt.Sprintf("%q", id)
		if len(id) > maxShownID { // a secret has 42
			shown = fmt.Sprintf("of %d characters", len(id))
		}
		return fmt.Errorf("%s id %s: %w: want %s and 17 letters or digits", what, shown, ErrBadID, prefix)
	}
	return nil
}
