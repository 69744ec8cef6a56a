package cli

import (
	"io"
	"regexp"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/okta"
)

// People put credentials into the wrong flag, and a shell's variable into the wrong argument. So no complaint repeats a
// value that was refused, what has the form of a credential is refused anywhere, and all that is told is scrubbed
// besides.

// plainWord is what a command or a flag that was mistyped looks like.
var plainWord = regexp.MustCompile(`^[a-z][a-z-]{0,30}$`)

// refusal is why a flag's value was refused. Flags of our own say that without the value; the others show it.
func refusal(err *pflag.InvalidValueError) string {
	switch value := err.GetFlag().Value.(type) {
	case *choice, *severityFlag, *instantFlag, *gatewayFlag, *ageFlag, *kindsFlag:
		return err.Unwrap().Error()
	default:
		switch value.Type() {
		case "bool":
			return "want true or false"
		case "int":
			return "want a whole number"
		case "duration":
			return "want a time such as 90m"
		}
		return "want a number"
	}
}

// noSecrets refuses credentials in flags and arguments: what is given there is seen by others, and goes on record.
func noSecrets(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if okta.HoldsSecret(f.Value.String()) {
			err = usage("the value of --%s looks like a credential: those are given by the "+
				"environment, as docs/environment.md says", f.Name)
		}
	})
	for _, arg := range cmd.Flags().Args() {
		if okta.HoldsSecret(arg) {
			err = usage("an argument looks like a credential: those are given by the environment")
		}
	}
	return err
}

// scrubbed passes on what is written, without credentials. Each text comes in one piece.
type scrubbed struct{ w io.Writer }

// Write implements io.Writer.
func (s scrubbed) Write(p []byte) (int, error) {
	if _, err := io.WriteString(s.w, okta.Scrub(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
