// Tokensweep is a hygiene job for Okta API tokens: it lists every token of an org, judges each by a
// policy, and reports. See README.md.
package main

import (
	"os"

	"tokensweep/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
