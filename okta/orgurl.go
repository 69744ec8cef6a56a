package okta

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// ParseOrgURL reads the URL of an org, such as https://acme.okta.com, and returns it as scheme and
// host in lower case, without a default port. It refuses, with advice, what would send the credential elsewhere or
// could never work: plain http beyond the loopback addresses, the -admin host, a path, a query, user
// information and the placeholders of Okta's documentation. The checks are those of Okta's own SDKs
// (https://github.com/okta/okta-sdk-python, config_validator.py).
func ParseOrgURL(s string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		// The text isn't shown whole: people paste tokens into the wrong variable.
		return nil, fmt.Errorf("bad org URL: %s; want a form like https://acme.okta.com", why)
	}
	switch {
	case s == "":
		return bad("it is empty")
	case strings.ContainsAny(s, "{}<>$"):
		return bad("it still holds a placeholder")
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("it is no URL")
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case u.Scheme == "" || u.Opaque != "" || host == "":
		return bad("it lacks the scheme https://")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(host)):
		return bad("the scheme must be https (plain http is for loopback addresses only)")
	case u.User != nil:
		return bad("it must not hold a user name or password")
	case strings.TrimRight(u.Path, "/") != "" || strings.ContainsAny(s, "?#"):
		return bad("leave out all that follows the host: path, query and fragment")
	case net.ParseIP(host) == nil && !hostName.MatchString(host):
		return bad("its host is no host name")
	case isAdminConsole(host):
		return bad("this is the address of the admin console: leave out -admin")
	case strings.HasSuffix(host, ".com.com"):
		return bad("it ends in .com.com")
	}
	if port := u.Port(); port != "" && (u.Scheme != "https" || port != "443") {
		host = net.JoinHostPort(host, port)
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

// ownDomains are Okta's own. Orgs have their names below one of these, and another one there that ends in -admin, for
// the admin console (https://developer.okta.com/docs/guides/find-your-domain/main/).
var ownDomains = []string{
	"okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com", "okta.mil", "trex-govcloud.com",
}

// isAdminConsole reports whether a host is that of an org's admin console. A domain of a customer's own has none.
func isAdminConsole(host string) bool {
	return strings.Contains(host, "-admin.") &&
		slices.ContainsFunc(ownDomains, func(domain string) bool { return strings.HasSuffix(host, "."+domain) })
}

// hostName is labels of letters, digits and hyphens.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// IsLoopback reports whether a host is an address of this machine that no other can reach.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
