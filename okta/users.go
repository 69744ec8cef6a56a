package okta

import (
	"bytes"
	"context"
	"encoding/json"
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
// describes it.
type Role struct {
	// Type is SUPER_ADMIN, ORG_ADMIN, …, or CUSTOM.
	Type Opt[string]
	// Status is ACTIVE or INACTIVE.
	Status Opt[string]
}

// Me reads the user whose token this client uses.
func (r *Reader) Me(ctx context.Context) (User, error) { return r.user(ctx, "me") }

// User reads a user. Errors are those of Token.
func (r *Reader) User(ctx context.Context, id string) (User, error) {
	if err := checkUserID(id); err != nil {
		return User{}, err
	}
	return r.user(ctx, id)
}

func (r *Reader) user(ctx context.Context, id string) (u User, err error) {
	err = r.conn.get(ctx, "/api/v1/users/"+id, func(body []byte) error {
		if err := whole(body); err != nil {
			return err
		}
		return members(body, func(key string, value []byte) error {
			switch key {
			case "id":
				u.ID = textField(value).Or("")
			case "status":
				u.Status = textField(value)
			case "lastLogin":
				u.LastLogin = timeField(value)
			case "profile":
				return u.profile(value)
			}
			return nil
		})
	})
	return u, err
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

// Roles reads the admin roles of a user, those given through groups included. Errors are those of Token.
func (r *Reader) Roles(ctx context.Context, userID string) (roles []Role, err error) {
	if err := checkUserID(userID); err != nil {
		return nil, err
	}
	err = r.conn.get(ctx, "/api/v1/users/"+userID+"/roles", func(body []byte) error {
		roles = []Role{}
		return decodeArray(json.NewDecoder(bytes.NewReader(body)), func(raw json.RawMessage) error {
			var role Role
			err := members(raw, func(key string, value []byte) error {
				switch key {
				case "type":
					role.Type = textField(value)
				case "status":
					role.Status = textField(value)
				}
				return nil
			})
			roles = append(roles, role)
			return err
		})
	})
	return roles, err
}
