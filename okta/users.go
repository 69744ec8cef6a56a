package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// User is an owner of tokens, as
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/ describes it. Every
// field but ID may be absent.
type User struct {
	// ID is "00u" and 17 letters or digits.
	ID string
	// Status is ACTIVE, DEPROVISIONED, LOCKED_OUT, PASSWORD_EXPIRED, PROVISIONED, RECOVERY, STAGED,
	// SUSPENDED, or a word that Okta adds one day.
	Status Opt[string]
	// Login and Email are of the user's profile.
	Login, Email Opt[string]
	// LastLogin is missing for a user who never logged in.
	LastLogin Opt[time.Time]
}

// Role is a standard or custom admin role of a user, as
// https://developer.okta.com/docs/api/openapi/okta-management/management/tag/RoleAssignmentAUser/
// describes it. All of it is known: without that there is no telling whose rights a user has.
type Role struct {
	// Type is SUPER_ADMIN, ORG_ADMIN, …, or CUSTOM.
	Type string
	// Active says that the role is in force: its status is ACTIVE, and not INACTIVE.
	Active bool
}

// Me reads the user whose token this client uses.
func (r *Reader) Me(ctx context.Context) (User, error) { return r.user(ctx, meSubject) }

// User reads a user. Errors are those of Token.
func (r *Reader) User(ctx context.Context, id string) (User, error) {
	if err := checkUserID(id); err != nil {
		return User{}, err
	}
	return r.user(ctx, userSubject(id))
}

func (r *Reader) user(ctx context.Context, of subject) (User, error) {
	var u User
	err := r.conn.get(ctx, of, func(body []byte) (is Opt[string], err error) {
		err = members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				is = textField(value)
			case "status":
				u.Status = textField(value)
			case "lastLogin":
				u.LastLogin = timeField(value)
			case "profile":
				return u.profile(value)
			}
			return nil
		})
		u.ID = is.value
		return is, err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

func (u *User) profile(raw []byte) error {
	if string(raw) == "null" {
		return nil
	}
	return members(raw, func(key string, value []byte) error {
		switch key {
		case "login":
			u.Login = textField(value)
		case "email":
			u.Email = textField(value)
		}
		return nil
	})
}

// Roles reads the admin roles of a user, those given through groups included. An answer with a role that is not known
// in full, or is somebody else's, is an error. Errors are those of Token.
func (r *Reader) Roles(ctx context.Context, userID string) ([]Role, error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	var roles []Role
	err := r.conn.get(ctx, rolesSubject(userID), func(body []byte) (Opt[string], error) {
		roles = []Role{}
		is := Some(userID) // an empty list doesn't say whose it is
		err := decodeArray(json.NewDecoder(bytes.NewReader(body)), func(raw json.RawMessage) error {
			role, assignee, err := parseRole(raw)
			if err != nil {
				return fmt.Errorf("role number %d: %w", len(roles)+1, err)
			}
			roles = append(roles, role)
			if of, said := assignee.Get(); said && of != userID {
				is = assignee
			}
			return nil
		})
		return is, err
	})
	if err != nil {
		return nil, err
	}
	return roles, nil
}

// parseRole reads a role, and the id of whoever has it, if it says so.
func parseRole(raw []byte) (role Role, assignee Opt[string], err error) {
	var kind, status Opt[string]
	err = members(raw, func(key string, value []byte) error {
		switch key {
		case "type":
			kind = textField(value)
		case "status":
			status = textField(value)
		case "_links":
			return within(value, []string{"assignee", "href"}, func(link []byte) {
				assignee = field(link, func(s string) (string, error) { return lastPart(s), nil })
			})
		}
		return nil
	})
	if err != nil {
		return Role{}, assignee, err
	}
	is, known := kind.Get()
	word, told := status.Get()
	switch {
	case !known || is == "":
		return Role{}, assignee, fmt.Errorf("%w: it has no type", errMalformed)
	case !told || (word != "ACTIVE" && word != "INACTIVE"):
		return Role{}, assignee, fmt.Errorf("%w: %s is neither ACTIVE nor INACTIVE", errMalformed, cut(is, 60))
	}
	return Role{Type: is, Active: word == "ACTIVE"}, assignee, nil
}
