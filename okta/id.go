package okta

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	tokenID = regexp.MustCompile(`^00T[0-9A-Za-z]{17}$`)
	userID  = regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`)
)

// ErrBadID is an id that can't be one of Okta's. Nothing was sent: GET /api/v1/api-tokens/ answers the
// whole list, and DELETE /api/v1/api-tokens/current revokes the caller's own token, so a wrong id is
// more than a wrong id.
var ErrBadID = errors.New("not an id of Okta's")

// CheckTokenID returns an error that is ErrBadID unless id has the form of an API token's id.
func CheckTokenID(id string) error {
	if !tokenID.MatchString(id) {
		return fmt.Errorf("token id %q: %w: want 00T and 17 letters or digits", cut(id, 40), ErrBadID)
	}
	return nil
}

func checkUserID(id string) error {
	if !userID.MatchString(id) {
		return fmt.Errorf("user id %q: %w: want 00u and 17 letters or digits", cut(id, 40), ErrBadID)
	}
	return nil
}
