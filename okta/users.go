package okta

import (
	"bytes"
	"context"
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

// userMembers are what is read of a user.
var userMembers = []member[User]{
	{key: "id", read: func(r *jsonReader, u *User) { u.ID = r.text().value }},
	{key: "status", read: func(r *jsonReader, u *User) { u.Status = r.text() }},
	{key: "lastLogin", read: func(r *jsonReader, u *User) { u.LastLogin = r.time() }},
	{key: "profile", within: []member[User]{
		{key: "login", read: func(r *jsonReader, u *User) { u.Login = r.text() }},
		{key: "email", read: func(r *jsonReader, u *User) { u.Email = r.text() }},
	}},
}

func (r *Reader) user(ctx context.Context, of subject) (User, error) {
	var u User
	err := r.conn.get(ctx, of, func(body []byte) (Opt[string], error) {
		err := readAnswer(body, userMembers, &u)
		return Some(u.ID), err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
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
		is := Some(userID) // an empty list doesn't say whose it is, and a role that was given to a group doesn't either
		answer := newJSONReader(bytes.NewBuffer(body))
		err := answer.array(func() error {
			role, assignee, err := readRole(answer)
			if err != nil {
				return fmt.Errorf("role number %d: %w", len(roles)+1, err)
			}
			roles = append(roles, role)
			if to, said := assignee.Get(); said && !isGroup(to) {
				if of := lastPart(to); of != userID {
					is = Some(of)
				}
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

// roleAnswer is what is read of a role.
type roleAnswer struct{ kind, status, assignee Opt[string] }

var roleMembers = []member[roleAnswer]{
	{key: "type", read: func(r *jsonReader, a *roleAnswer) { a.kind = r.text() }},
	{key: "status", read: func(r *jsonReader, a *roleAnswer) { a.status = r.text() }},
	{key: "_links", within: []member[roleAnswer]{{key: "assignee", within: []member[roleAnswer]{
		{key: "href", read: func(r *jsonReader, a *roleAnswer) { a.assignee = r.text() }},
	}}}},
}

// readRole reads the role that comes next, and the link to whom it was given, if the answer has one.
func readRole(r *jsonReader) (role Role, assignee Opt[string], err error) {
	var a roleAnswer
	err = readObject(r, roleMembers, &a)
	if err != nil {
		return Role{}, a.assignee, err
	}
	is, known := a.kind.Get()
	word, told := a.status.Get()
	switch {
	case !known || is == "":
		return Role{}, a.assignee, fmt.Errorf("%w: it has no type", errMalformed)
	case !told || (word != "ACTIVE" && word != "INACTIVE"):
		return Role{}, a.assignee, fmt.Errorf("%w: %s is neither ACTIVE nor INACTIVE", errMalformed, cut(is, 60))
	}
	return Role{Type: is, Active: word == "ACTIVE"}, a.assignee, nil
}
