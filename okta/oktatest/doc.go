// Package oktatest is a fake Okta org: a real HTTP server that speaks the part of Okta's API that deals
// with API tokens and their owners. It is to a client of Okta what net/http/httptest is to a client of
// HTTP, and serves for tests and demonstrations. It shares no code with the package okta, so that a
// mistake made there is not mirrored here.
//
//	org := oktatest.Start(oktatest.Config{
//		Credential: "secret",
//		Tokens:     []oktatest.Token{{ID: oktatest.TokenID(1), Name: "ci-runner"}},
//		PageSize:   100,
//	})
//	defer org.Close()
//	org.Fault(oktatest.Fault{Method: "DELETE", HangupAfter: true, Times: 1}) // the lost 204
//	// Point a client at org.URL(), then look at org.Tokens() and org.Requests().
//
// Start listens on a port; New does not, for tests within testing/synctest and for other listeners. Many
// makes tokens by the thousand; a page of 200 out of 100,000 costs a fraction of a millisecond.
//
// # Endpoints
//
//	GET              /api/v1/api-tokens
//	GET PUT DELETE   /api/v1/api-tokens/{id}
//	DELETE           /api/v1/api-tokens/current
//	GET              /api/v1/users, /users/{id}, /users/me, /users/{id}/roles
//	GET              /api/v1/zones, /zones/{id}
//	GET              /.well-known/okta-organization
//	POST             /oauth2/v1/token
//
// # What is recorded
//
// The tests hold these to recordings of real orgs (okta/testdata), by status, headers and body, key by key:
//
//   - the unpaged list that ignores limit and q, a token, a token in a zone; a slash after the list's path
//     answers the whole list too;
//   - PUT, which moves lastUpdated and not expiresAt, and DELETE with its 204;
//   - expiresAt as the last use, or creation, plus tokenWindow; a use is noted at most once a minute;
//   - errors E0000007 (unknown token), E0000029 (unknown cursor) and E0000047 (rate limit, without
//     Retry-After); the bucket shared by listing, reading and deleting; windows of one minute that begin
//     with the first request;
//   - the Link header in two lines, self before next, taken from other lists of Okta;
//   - a user and a user's roles.
//
// These were quoted from real orgs in public (okta-sdk-golang#145 and #554, terraform-provider-okta#2392,
// okta-sdk-nodejs#453 and others), and no whole answer was recorded: the errors of the token endpoint
// invalid_dpop_proof, use_dpop_nonce, consent_required, invalid_scope and invalid_client with their words, but for
// those that are listed below; that an app which is granted a part of what it asks for gets a token for that part; that
// an assertion counts as used also where the answer asks for a nonce, and a proof also where the answer is 429; the
// empty body and the WWW-Authenticate header of insufficient_scope and invalid_dpop_proof.
//
// The recorded list is in the order of its names without regard to case, before these were made neutral.
//
// # What is documented
//
// Paging of tokens by limit (1 to 200, 20 if absent) and after is in Okta's API description up to 5.1.0 of
// 2023 only; that clients follow links and make no URLs is at
// https://developer.okta.com/docs/reference/core-okta-api/#pagination. E0000011 for a bad token and all
// other errors are at https://developer.okta.com/docs/reference/error-codes/. That an idle token is
// revoked after its window, and that only active ones are listed, is at
// https://developer.okta.com/docs/guides/create-an-api-token/main/. Rate limits and their headers are at
// https://developer.okta.com/docs/reference/rate-limits/. The forms of zones, of the
// organization and of custom roles are those of Okta's API reference (release 2026.06.3), and so is that a role which
// was given to a group names the group and not the user; the lists of users and zones are, too: limit and after, 200
// users or all zones without a limit, nobody who is deprovisioned. How a service app logs in is at
// https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/, and proofs of possession at
// https://developer.okta.com/docs/guides/dpop/oktaresourceserver/main/ and in RFC 9449: an hour for an access token, a
// day for a nonce, which is accepted for three.
//
// # What is assumed
//
// Okta says nothing about these, so a client should not rely on them: a cursor stays good when tokens come
// and go, and goes on behind the token that ended its page (with Config.Offsets, behind as many as came before); a page
// has a next link if an active token is behind it, so none is empty but that of an empty org or one that emptied
// meanwhile; the parameter q selects nothing on a paged org either; a refused request counts against the rate limit,
// each bucket having the same one; network.connection may be any word; what may be done to users that are not
// PROVISIONED; "User" and "NetworkZone" in their E0000007; lists of users and zones are in
// the order of ids, in pages of at most 200, and have a link to themselves; DELETE of current by a credential without a
// token answers E0000007, and by a service app E0000006; users/me is nobody for a service app; okta.x.manage includes
// okta.x.read, as the use of Okta's Terraform provider suggests; an access token that is
// unknown or has ended is a bad token, E0000011, with the reason in WWW-Authenticate; a nonce challenge of the API is a
// 400.
//
// The authorization server is stricter than Okta is known to be, so that a wrong client fails here first: it wants a
// jti in assertions, each parameter once and in the body, a proof with a key that is no key of the app, without
// any private part, and an htu and an aud to the letter. Its words for these are its own, as are those for clocks that
// are ahead. OAuth.ProofsByAppKey lets Okta's SDK for Node log in, which signs its proofs with the app's key. The lists
// of users and zones refuse every parameter but limit and after, so that no test passes because a filter was ignored.
package oktatest
