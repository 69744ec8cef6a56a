package oktatest_test

import (
	"fmt"
	"net/http"
	"time"

	"tokensweep/okta/oktatest"
)

func Example() {
	org := oktatest.Start(oktatest.Config{
		Credential: "secret",
		Tokens: []oktatest.Token{
			{ID: oktatest.TokenID(1), Name: "ci-runner", Created: time.Now().AddDate(0, 0, -10)},
		},
	})
	defer org.Close()

	// The answer to the first revocation is lost on its way.
	org.Fault(oktatest.Fault{Method: "DELETE", HangupAfter: true, Times: 1})

	revoke := func() {
		req, err := http.NewRequest(http.MethodDelete, org.URL()+"/api/v1/api-tokens/"+oktatest.TokenID(1), nil)
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "SSWS secret")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println("no answer")
			return
		}
		defer func() { _ = res.Body.Close() }()
		fmt.Println(res.Status)
	}
	revoke()
	revoke()
	for _, r := range org.Requests() {
		fmt.Println(r.Method, r.Status)
	}
	fmt.Println(len(org.Tokens()), "tokens left")
	// Output:
	// no answer
	// 404 Not Found
	// DELETE 0
	// DELETE 404
	// 0 tokens left
}
