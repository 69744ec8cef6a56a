package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokensweep/okta"
	"tokensweep/rules"
)

// OrgCheck says what to look at in an org, and for which kind of run. Org is required.
type OrgCheck struct {
	Org *okta.Reader
	// Policy is the policy of the run; nil if there is none yet.
	Policy *rules.Policy
	// Enforce says that an enforcing run is meant, which needs more.
	Enforce bool
	// Progress is that of Options.
	Progress func(pages, tokens int)
	// Now is our clock; nil means time.Now.
	Now func() time.Time
}

// orgNames are the checks of CheckOrg, in their order.
var orgNames = []string{"org", "identity", "scopes", "listing", "own token", "owners", "change", "zone", "clock",
	"rate limit"}

// CheckOrg examines what a run needs of the org. It changes nothing. After a failure the remaining checks are skipped,
// so that the result always has the same checks in the same order. id is the org's, "" if it could not be read.
func CheckOrg(ctx context.Context, o OrgCheck) (checks []Check, id string) {
	if o.Now == nil {
		o.Now = time.Now
	}
	x := &examination{OrgCheck: o, self: &caller{}}
	for _, look := range []func(context.Context) bool{x.organization, x.identity, x.listing, x.rest} {
		if !look(ctx) {
			break
		}
	}
	for _, name := range orgNames[len(x.checks):] {
		x.add(skipped(name, "not looked at after the failure above"))
	}
	return x.checks, x.id
}

// NoOrg are the checks of CheckOrg if the org can't be asked at all. The first one has the reason.
func NoOrg(code ExitCode, why, advice string) []Check {
	checks := []Check{failure(orgNames[0], code, advice, "%s", why)}
	for _, name := range orgNames[1:] {
		checks = append(checks, skipped(name, "not looked at after the failure above"))
	}
	return checks
}

// examination is CheckOrg, while it lasts.
type examination struct {
	OrgCheck
	checks []Check
	id     string // of the org
	self   *caller
	sample okta.Token // one of the listed tokens; its ID is "" if there is none
	roles  []string   // of the owner of the API token in use; nil if they are not known
	wide   int        // how many tokens of that owner work from anywhere
}

func (x *examination) add(c Check) { x.checks = append(x.checks, c) }

// refused adds a failure for an error of the org, or of the way there.
func (x *examination) refused(name string, err error) bool {
	x.add(ended(name, err))
	return false
}

func (x *examination) organization(ctx context.Context) bool {
	url := x.Org.OrgURL()
	if x.Policy != nil && x.Policy.Org != "" && x.Policy.Org != url {
		x.add(failure("org", Usage, "make the two agree", "the policy %s is pinned to %s, and OKTA_CLIENT_ORGURL is %s",
			x.Policy.File, x.Policy.Org, url))
		return false
	}
	org, err := x.Org.Organization(ctx)
	if err != nil {
		return x.refused("org", err)
	}
	x.id = org.ID
	engine := "pipeline not told"
	switch pipeline, told := org.Pipeline.Get(); {
	case pipeline == "idx":
		engine = "Okta Identity Engine"
	case pipeline == "v1":
		engine = "Okta Classic Engine"
	case told:
		engine = "pipeline " + pipeline
	}
	x.add(good("org", "%s, id %s, %s", url, org.ID, engine))
	return true
}

// identity logs in, and says as whom and with which rights.
func (x *examination) identity(ctx context.Context) bool {
	login, err := x.Org.Login(ctx)
	x.self.login = login
	var lacks *okta.ScopeError
	switch {
	case errors.As(err, &lacks):
		x.add(good("identity", "the service app %s", lacks.ClientID))
		return x.refused("scopes", err)
	case err != nil:
		return x.refused("identity", err)
	case login.ClientID == "":
		return x.owner(ctx)
	}
	as := fmt.Sprintf("the service app %s, key %s %s", login.ClientID, cmp.Or(login.KeyID, "without an id"),
		login.Algorithm)
	if login.Bound {
		x.add(good("identity", "%s, with proofs of possession (DPoP)", as))
	} else {
		x.add(warning("identity", "tick Proof of possession in Applications › Applications › the app › General",
			"%s, without proofs of possession (DPoP): whoever gets hold of an access token can use it for an hour", as))
	}
	x.add(x.scopes())
	return true
}

// scopes compares the granted scopes with those that the run needs and can use.
func (x *examination) scopes() Check {
	const name, where = "scopes", "grant it in Applications › Applications › the app › Okta API Scopes"
	has := strings.Join(x.self.login.Granted, " ")
	need := okta.Scopes{Needed: []string{okta.ScopeRead}}
	if x.Enforce {
		need.Needed[0] = okta.ScopeManage
	}
	if x.Policy != nil {
		need = Scopes(x.Policy, x.Enforce)
	}
	for _, scope := range need.Needed {
		if !x.self.login.Has(scope) {
			return failure(name, NoAccess, where, "%s is missing, which the run needs (granted: %s)", scope, has)
		}
	}
	if refused := x.self.login.Refused; len(refused) > 0 {
		return warning(name, where+", or do without", "%s missing (granted: %s)", strings.Join(refused, " "), has)
	}
	if !x.Enforce && x.self.login.Has(okta.ScopeManage) {
		return warning(name, "grant "+okta.ScopeRead+" instead, also in OKTA_CLIENT_SCOPES if that is set",
			"%s is granted, which a dry run does not need (granted: %s)", okta.ScopeManage, has)
	}
	return good(name, "%s", has)
}

// owner says whose API token it is.
func (x *examination) owner(ctx context.Context) bool {
	me, err := x.Org.Me(ctx)
	switch {
	case errors.Is(err, okta.ErrNotFound), errors.Is(err, okta.ErrForbidden):
		x.self.unknown = err
	case err != nil:
		return x.refused("identity", err)
	}
	if x.self.unknown != nil {
		x.add(failsIf(x.Enforce, "identity", Usage, "use the API token of an active user, or a service app",
			"whose token this is could not be read: %v", x.self.unknown))
		x.add(allRights)
		return true
	}
	x.self.userID = me.ID
	with := "roles not readable"
	if owner, err := x.Org.Owner(ctx, me.ID); err == nil {
		if roles, ok := owner.Roles.Get(); ok {
			x.roles = roles
			with = "roles " + cmp.Or(strings.Join(roles, " "), "none")
		}
	}
	x.add(good("identity", "an API token of %s (%s), %s", cmp.Or(orEmpty(me.Login), "a user whose login is not known"),
		me.ID, with))
	x.add(allRights)
	return true
}

// allRights is the check of scopes for an API token.
var allRights = skipped("scopes", "an API token has none: it may do whatever its owner may; a service app can be "+
	"limited to what a run needs")

// listing reads the whole list, which is what a run does first.
func (x *examination) listing(ctx context.Context) bool {
	began := x.Now()
	listing := x.Org.List(ctx, okta.ListOptions{})
	if err := listing.Read(func() func(okta.Token) error {
		x.self.found, x.sample, x.wide = 0, okta.Token{}, 0
		return func(t okta.Token) error {
			if x.Progress != nil {
				x.Progress(listing.Pages, listing.Tokens)
			}
			x.self.count(&t)
			if x.self.owns(&t) && worksFromAnywhere(&t) {
				x.wide++
			}
			if _, owned := x.sample.UserID.Get(); !owned {
				x.sample = t
			}
			return nil
		}
	}); err != nil {
		return x.refused("listing", err)
	}
	again := ""
	if listing.Readings > 1 {
		again = fmt.Sprintf("; it moved, and was read %d times", listing.Readings)
	}
	x.add(good("listing", "tokens %d, pages %d, all of them read in %v%s", listing.Tokens, listing.Pages,
		x.Now().Sub(began).Round(time.Millisecond), again))
	return true
}

// rest makes the checks that are independent of each other.
func (x *examination) rest(ctx context.Context) bool {
	for _, c := range []Check{x.ownToken(), x.owners(ctx), x.change(ctx), x.zone(ctx), x.clock(), x.rateLimit()} {
		x.add(c)
	}
	return true
}

// superAdmin is the role that may do everything
// (https://developer.okta.com/docs/api/openapi/okta-management/guides/roles/#standard-role-types).
const superAdmin = "SUPER_ADMIN"

// worksFromAnywhere reports whether a token is known to be limited to no network.
func worksFromAnywhere(t *okta.Token) bool {
	n, _ := t.Network.Get()
	connection, _ := n.Connection.Get()
	return connection == "ANYWHERE"
}

func (x *examination) ownToken() Check {
	const name, advice = "own token", "a service app has no token of its own that must be spared"
	switch {
	case x.self.login.ClientID != "":
		return good(name, "a service app has none that must be spared")
	case x.self.unknown != nil:
		return warning(name, advice, "the token in use can't be told from others: no run acts")
	case x.self.found == 0:
		return warning(name, "give the credential a role that is not limited to some users",
			"the token in use is not on the list: the credential may see only a part of the org's tokens")
	case x.self.found == x.wide && slices.Contains(x.roles, superAdmin):
		return warning(name, "limit it to a network zone in Security › API › Tokens, or let an administrator make "+
			"it whose role may manage API tokens and no more; a service app is better still",
			"the token in use is a super administrator's and works from anywhere: whoever gets hold of it can change "+
				"anything in the org; tokens of that owner, which are all spared: %d", x.self.found)
	case x.self.found > 1:
		return warning(name, advice, "tokens of the owner of the one in use, which can't be told from it and are all "+
			"spared: %d", x.self.found)
	}
	return good(name, "it is recognised on the list, and spared")
}

func (x *examination) owners(ctx context.Context) Check {
	const name = "owners"
	id, ok := x.sample.UserID.Get()
	if !ok {
		return skipped(name, "no listed token names an owner")
	}
	owner, err := x.Org.Owner(ctx, id)
	if err != nil {
		return ended(name, err)
	}
	unknown := owner.Unknown
	if owner.RolesUnknown != "" && owner.RolesUnknown != unknown {
		unknown = strings.TrimPrefix(unknown+"; "+owner.RolesUnknown, "; ")
	}
	switch {
	case owner.Gone:
		return good(name, "owners can be read; that of the token looked at is gone, so that no roles were")
	case unknown == "":
		return good(name, "an owner and their roles can be read")
	case x.Policy != nil && x.Policy.Reads(rules.Owners):
		return warning(name, "rules and exemptions of the policy ask about owners, and can't be judged without", "%s",
			unknown)
	}
	if owner.Unknown == "" {
		return warning(name, "reports name owners without their roles", "%s", unknown)
	}
	return warning(name, "reports name tokens without their owners", "%s", unknown)
}

func (x *examination) change(ctx context.Context) Check {
	const name = "change"
	if x.sample.ID == "" {
		return skipped(name, "there is no token that could be changed")
	}
	if x.self.login.ClientID != "" && !x.self.login.Has(okta.ScopeManage) {
		if x.Enforce {
			return failure(name, NoAccess, "grant the scope "+okta.ScopeManage,
				"okta refuses every change without the scope %s", okta.ScopeManage)
		}
		return good(name, "okta refuses every change, since a dry run does not ask for the scope %s", okta.ScopeManage)
	}
	methods, err := x.Org.Allowed(ctx, x.sample.ID)
	allowed, known := methods.Get()
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return skipped(name, "the token that was to be looked at has vanished meanwhile")
	case err != nil:
		return ended(name, err)
	case !known:
		return warning(name, "only an enforcing run can tell",
			"okta does not say whether this credential may revoke tokens")
	case slices.Contains(allowed, "DELETE"):
		return good(name, "okta allows this credential to revoke tokens; nothing was tried")
	case x.Enforce:
		return failure(name, NoAccess, "give it a role that may manage API tokens",
			"okta does not allow this credential to revoke tokens (allowed: %s)", strings.Join(allowed, " "))
	}
	return good(name, "okta does not allow this credential to revoke tokens, which a dry run does not need")
}

func (x *examination) zone(ctx context.Context) Check {
	const name = "zone"
	if x.Policy == nil || x.Policy.QuarantineZone == "" {
		return skipped(name, "the policy has no quarantine zone")
	}
	contents, err := checkZone(ctx, x.Org, x.Policy.QuarantineZone)
	switch {
	case err != nil:
		end := EndingOf(err, WhileReading)
		return failsIf(x.Enforce, name, end.Code, end.Advice, "%v", err)
	case contents != "":
		return warning(
			name,
			"let it contain nobody, such as 192.0.2.1/32",
			"the quarantine's zone %s contains %s: whoever is there can use a token in quarantine, which is not "+
				"cut off",
			x.Policy.QuarantineZone,
			contents,
		)
	}
	return good(name, "the quarantine's zone %s is active, and contains nobody", x.Policy.QuarantineZone)
}

func (x *examination) clock() Check {
	const name = "clock"
	offset, ok := x.Org.ClockOffset()
	switch {
	case !ok:
		return warning(name, "delays count by the clock of this machine then", "the org does not tell its time")
	case offset.Abs() > maxClockDifference:
		return failsIf(x.Enforce, name, Halted, "set the clock of this machine",
			"the org's clock and ours differ by %v", offset.Round(time.Second))
	}
	return good(name, "the org's clock and ours differ by %v", offset.Abs().Round(time.Second))
}

func (x *examination) rateLimit() Check {
	const name = "rate limit"
	b, ok := x.Org.Budget()
	switch {
	case !ok:
		return warning(name, "a run then waits only when Okta refuses a request",
			"the org does not tell its rate limit")
	case b.Remaining <= b.Limit-b.Ours:
		return warning(name, "a run would wait until then; others use the same limit",
			"our share is used up until %s: %d of %d requests are left", b.Resets.UTC().Format(time.RFC3339),
			b.Remaining, b.Limit)
	}
	return good(name, "%d requests in a window, of which a run uses at most %d; %d are left in this one", b.Limit,
		b.Ours, b.Remaining)
}
