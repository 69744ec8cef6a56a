package okta

import (
	"net/http"
	"slices"
	"sync"
)

const (
	// maxChallenges is how often a request that reads, or a login, is sent again with the nonce that its refusal
	// brought. More than once is needed where other requests use the nonces up.
	maxChallenges = 4
	// maxNonces is how many unused nonces are kept.
	maxNonces = 16
	// wantsNonce is OAuth's code of a refusal that brings a nonce for the proof of the same request (RFC 9449, sections
	// 8 and 9).
	wantsNonce = "use_dpop_nonce"
)

// nonces are those that one side, the token endpoint or the API, has sent for proofs. The server decides how long one
// is valid (RFC 9449, section 8.2): until the next one, for a day as with Okta's authorization server, or for one use.
// So each is put into one proof, the latest first; when none is left, the one that was used last is used again. The
// nonce of a challenge is for the challenged request alone.
type nonces struct {
	mu     sync.Mutex
	unused []string // the latest at the end
	last   string
}

// add takes in the nonce of an answer.
func (n *nonces) add(nonce string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nonce == "" || nonce == n.last || slices.Contains(n.unused, nonce) {
		return
	}
	if n.unused = append(n.unused, nonce); len(n.unused) > maxNonces {
		n.unused = n.unused[1:]
	}
}

// next is the nonce for a proof: own, if the request was challenged; "" before any came.
func (n *nonces) next(own string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := len(n.unused) - 1; own == "" && i >= 0 {
		own, n.unused = n.unused[i], n.unused[:i]
	}
	if own != "" {
		n.last = own
	}
	return n.last
}

// noncesFor are those of the side that a path belongs to.
func (a *app) noncesFor(path string) *nonces {
	if path == tokenPath {
		return &a.tokenNonces
	}
	return &a.apiNonces
}

// keepNonce takes in the nonce of an answer, unless it is of a challenge: RFC 9449, section 8.2.
func (a *app) keepNonce(path string, header http.Header, refused *Error) {
	if refused == nil || refused.oauth != wantsNonce {
		a.noncesFor(path).add(header.Get("DPoP-Nonce"))
	}
}
