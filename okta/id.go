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

// CheckTokenID returns an error that is ErrBadID unless id has the form of an API token's id.
func CheckTokenID(id string) error { return checkID("token", tokenID, "00T", id) }

func checkUserID(id string) error { return checkID("user", userID, "00u", id) }

func checkZoneID(id string) error { return checkID("zone", zoneID, "nzo", id) }

func checkID(what string, form *regexp.Regexp, prefix, id string) error {
	if !form.MatchString(id) {
		return fmt.Errorf("%s id %q: %w: want %s and 17 letters or digits", what, cut(id, 40), ErrBadID, prefix)
	}
	return nil
}
