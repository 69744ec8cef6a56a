package okta

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Owner is what is known of the user who owns a token. Whatever could not be read is missing, and Unknown
// or RolesUnknown says why.
type Owner struct {
	// Login, Email, Status and LastLogin are those of User.
	Login, Email, Status Opt[string]
	LastLogin            Opt[time.Time]
	// Roles are the types of the user's active admin roles, those given through groups included. A user
	// without any has an empty list.
	Roles Opt[[]string]
	// Unknown says why the user could not be read, "" if it could. RolesUnknown says it of the roles.
	Unknown, RolesUnknown string
	// Gone says that there is no such user any more.
	Gone bool
}

// errNoScope is what is not asked for, since the service app was not granted the scope.
var errNoScope = errors.New("the service app lacks the scope")

// Owner looks a user and their roles up. That something could not be read is part of the result: the
// only error is a credential that is refused, or the end of ctx. What a service app lacks the scope for is not
// asked for.
func (r *Reader) Owner(ctx context.Context, userID string) (*Owner, error) {
	o, more, err := r.profile(ctx, userID)
	if err != nil || !more {
		return o, err
	}
	roles, err := ifGranted(r.conn, ScopeRoles, func() ([]Role, error) { return r.Roles(ctx, userID) })
	switch {
	case err == nil:
	case errors.Is(err, ErrUnauthorized), ctx.Err() != nil:
		return nil, err
	default:
		o.RolesUnknown = unreadable("roles of the owner", ScopeRoles, err)
		return o, nil
	}
	active := make([]string, 0, len(roles))
	for _, role := range roles {
		if role.Active {
			active = append(active, role.Type)
		}
	}
	o.Roles = Some(active)
	return o, nil
}

// Profile is Owner without the roles, which are missing: one request instead of two.
func (r *Reader) Profile(ctx context.Context, userID string) (*Owner, error) {
	o, _, err := r.profile(ctx, userID)
	return o, err
}

// profile looks a user up. more says that it makes sense to ask for more about them.
func (r *Reader) profile(ctx context.Context, userID string) (o *Owner, more bool, _ error) {
	o = &Owner{}
	user, err := ifGranted(r.conn, ScopeUsers, func() (User, error) { return r.User(ctx, userID) })
	switch {
	case err == nil:
		o.Login, o.Email, o.Status, o.LastLogin = user.Login, user.Email, user.Status, user.LastLogin
		return o, true, nil
	case errors.Is(err, ErrUnauthorized), ctx.Err() != nil:
		return nil, false, err
	case errors.Is(err, ErrBadID):
		o.Unknown, o.RolesUnknown = "the owner's id is not one of Okta's", "the owner's id is not one of Okta's"
		return o, false, nil
	case errors.Is(err, ErrNotFound):
		o.Gone, o.Unknown, o.RolesUnknown = true, "the owner does not exist any more",
			"the owner does not exist any more"
		return o, false, nil
	}
	o.Unknown = unreadable("owner", ScopeUsers, err)
	if errors.Is(err, ErrForbidden) || errors.Is(err, errNoScope) {
		return o, true, nil
	}
	o.RolesUnknown = o.Unknown // the org, or the way there, is in trouble: asking more makes it worse
	return o, false, nil
}

// ifGranted reads something, unless the scope for it is known to be missing.
func ifGranted[T any](c *conn, scope string, read func() (T, error)) (nothing T, _ error) {
	if c.lacks(scope) {
		return nothing, errNoScope
	}
	return read()
}

// unreadable says why something about an owner could not be read.
func unreadable(what, scope string, err error) string {
	var e *Error
	switch {
	case errors.Is(err, errNoScope):
		return fmt.Sprintf("%s not readable: scope %s missing", what, scope)
	case errors.As(err, &e) && e.Code == noFeature:
		return fmt.Sprintf("%s not readable: the org lacks the feature", what)
	case errors.Is(err, ErrForbidden):
		return fmt.Sprintf("%s not readable: permission or scope %s missing", what, scope)
	}
	return fmt.Sprintf("%s not readable: %v", what, err)
}
