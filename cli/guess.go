package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/rules"
)

// People guess commands and flags by what other programs call them. These tables say what the word is here, so that
// the complaint about it can. Words that are only mistyped are found by their letters.

// otherCommands are what else the subcommands of a command are called: by the path of the command and the word.
var otherCommands = map[string]map[string]string{
	"tokensweep": {
		"list": "tokens list", "ls": "tokens list", "inventory": "tokens list", "export": "tokens list --output csv",
		"get": "tokens get", "show": "explain", "why": "explain", "describe": "explain",
		"lint": "validate", "check": "validate", "verify": "validate", "schema": "validate --schema",
		"plan": "run", "scan": "run", "report": "run", "audit": "run", "sweep": "run", "dry-run": "run",
		"preview": "run", "diff": "run",
		"apply": "run --enforce", "enforce": "run --enforce", "execute": "run --enforce", "clean": "run --enforce",
		"revoke": "tokens revoke", "delete": "tokens revoke", "rm": "tokens revoke",
		"quarantine": "tokens quarantine", "restore": "tokens restore", "undo": "tokens restore",
		"daemon": "serve", "server": "serve", "start": "serve", "watch": "serve",
		"stop": "halt", "pause": "halt", "brake": "halt", "continue": "resume", "unhalt": "resume",
		"log": "ledger show", "logs": "ledger show", "history": "ledger show", "forecast": "simulate",
		"calendar": "simulate", "status": "doctor", "ping": "doctor", "init": "demo --show-policy",
	},
	"tokensweep tokens": {
		"ls": "list", "show": "get", "describe": "get", "delete": "revoke", "rm": "revoke", "end": "revoke",
		"cut-off": "quarantine", "undo": "restore", "unquarantine": "restore", "export": "list --output csv",
	},
	"tokensweep ledger": {
		"list": "show", "ls": "show", "log": "show", "export": "show --output csv", "check": "verify",
	},
}

// remarks say what is not plain from the name of a command that is named instead of another word.
var remarks = map[string]string{
	"run":           ", which changes nothing and makes the plan",
	"run --enforce": ", which acts where the policy says mode: enforce",
}

// otherFlags are what else flags are called, each with the ones that may be meant: the first that a command has.
var otherFlags = map[string][]string{
	"format": {"output"}, "out": {"output-file", "output"}, "json": {"output json"}, "csv": {"output csv"},
	"markdown": {"output markdown"}, "report": {"output-file"},
	"file": {"policy", "output-file"}, "f": {"policy"}, "config": {"policy"}, "c": {"policy"}, "rules": {"policy"},
	"policy-file": {"policy"}, "state-dir": {"state"}, "ledger": {"state"}, "dir": {"state"}, "s": {"state"},
	"severity": {"fail-on"}, "min-severity": {"fail-on"}, "fail": {"fail-on"},
	"apply": {"enforce"}, "execute": {"enforce"}, "no-dry-run": {"enforce"}, "live": {"enforce"},
	"force": {"yes", "enforce"}, "y": {"yes"}, "assume-yes": {"yes"}, "auto-approve": {"yes", "enforce"},
	"verbose": {"log-level info"}, "v": {"log-level info"}, "debug": {"log-level debug"},
	"quiet": {"log-level error"}, "q": {"log-level error"},
	"now": {"as-of"}, "at": {"as-of"}, "date": {"as-of"}, "timeout": {"deadline"},
	"comment": {"reason"}, "message": {"reason"}, "m": {"reason"}, "why": {"reason"},
	"from": {"since"}, "after": {"since"}, "to": {"until"}, "before": {"until"}, "type": {"kind"}, "id": {"token"},
	"port": {"listen"}, "addr": {"listen"}, "address": {"listen"}, "horizon": {"days"},
}

// flagsElsewhere are what people look for among the flags, and where it is given.
var flagsElsewhere = map[string]string{
	"token": "OKTA_CLIENT_TOKEN", "api-token": "OKTA_CLIENT_TOKEN", "t": "OKTA_CLIENT_TOKEN",
	"org": "OKTA_CLIENT_ORGURL", "org-url": "OKTA_CLIENT_ORGURL", "url": "OKTA_CLIENT_ORGURL",
	"domain": "OKTA_CLIENT_ORGURL", "host": "OKTA_CLIENT_ORGURL", "u": "OKTA_CLIENT_ORGURL",
	"client-id": "OKTA_CLIENT_CLIENTID", "private-key": "OKTA_CLIENT_PRIVATEKEY", "scopes": "OKTA_CLIENT_SCOPES",
	"slack-token": "SLACK_BOT_TOKEN", "slack-webhook": "SLACK_WEBHOOK_URL", "webhook": "TOKENSWEEP_WEBHOOK_URL",
	"webhook-url": "TOKENSWEEP_WEBHOOK_URL", "proxy": "HTTPS_PROXY", "cacert": "SSL_CERT_FILE",
}

// dryRuns are the words for what is the default.
var dryRuns = map[string]bool{"dry-run": true, "dryrun": true, "n": true, "no-op": true, "noop": true,
	"what-if": true, "check": true, "plan-only": true}

// insteadOf ends the complaint about a word that is no command, with the command that was probably meant.
func insteadOf(cmd *cobra.Command, word string) string {
	if other, ok := otherCommands[cmd.CommandPath()][word]; ok {
		return fmt.Sprintf(", did you mean %q%s?", cmd.CommandPath()+" "+other, remarks[other])
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if best := rules.Nearest(word, names); best != "" {
		return fmt.Sprintf(", did you mean %q?", cmd.CommandPath()+" "+best)
	}
	return ""
}

// insteadOfFlag ends the complaint about a flag that a command doesn't have: with the one that was probably meant, or
// with where else this is said. It is "" where nobody knows.
func insteadOfFlag(cmd *cobra.Command, word string) string {
	word = strings.ReplaceAll(strings.ToLower(word), "_", "-")
	if dryRuns[word] {
		return aboutDryRuns(cmd)
	}
	for _, other := range otherFlags[word] {
		name, _, _ := strings.Cut(other, " ")
		if cmd.Flag(name) != nil {
			return ", did you mean --" + other + "?"
		}
	}
	if variable, ok := flagsElsewhere[word]; ok {
		return fmt.Sprintf(": that is given by the environment, as %s", variable)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if best := rules.Nearest(word, names); best != "" {
		return ", did you mean --" + best + "?"
	}
	return ""
}

// aboutDryRuns says of a command whether it changes anything, to who wants that it doesn't.
func aboutDryRuns(cmd *cobra.Command) string {
	switch {
	case cmd.Flag("enforce") != nil:
		return ": that is the default, leave it out; only --enforce changes anything"
	case cmd.Flag("reason") != nil:
		return ": this command has no dry run, it acts; tokensweep run without --enforce is one"
	}
	return ": leave it out, this command changes nothing in the org"
}

// flagError says what is wrong with a flag of a command, without its value.
func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &value) && hasOneDash(value.GetFlag(), value.GetValue()):
		return oneDash(value.GetFlag().Name)
	case errors.As(err, &value):
		return fmt.Errorf("bad value of --%s: %s", value.GetFlag().Name, refusal(value))
	case errors.As(err, &missing):
		return fmt.Errorf("flag needs an argument: --%s", missing.GetFlag().Name)
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	}
	return errors.New("a flag is written --name value, or --name=value")
}

// oneLetter is a short flag that is none of a credential's business.
var oneLetter = regexp.MustCompile(`^[a-zA-Z]$`)

// unknownFlag complains about a flag that a command doesn't have. Its name is shown only where it can't be a secret.
func unknownFlag(cmd *cobra.Command, unknown *pflag.NotExistError) error {
	word, dashes := unknown.GetSpecifiedName(), "--"
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		word, _, _ = strings.Cut(short, "=")
		dashes = "-"
		if cmd.Flag(word) != nil {
			return oneDash(word)
		}
	}
	instead := insteadOfFlag(cmd, word)
	if dashes == "-" && oneLetter.MatchString(word) || plainWord.MatchString(word) && len(word) > 1 {
		return fmt.Errorf("unknown flag: %s%s%s", dashes, word, instead)
	}
	if instead == "" {
		return errors.New("unknown flag: it is not repeated here, since it may be a secret")
	}
	return errors.New("unknown flag" + instead)
}

// hasOneDash reports whether a flag with a value is its own name with one dash instead of two: -output is -o with the
// value utput.
func hasOneDash(f *pflag.Flag, value string) bool {
	name, _, _ := strings.Cut(f.Shorthand+value, "=")
	return f.Shorthand != "" && name == f.Name
}

// checkDashes refuses a flag that is written with one dash and was read as another one with a value.
func checkDashes(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if hasOneDash(f, f.Value.String()) {
			err = oneDash(f.Name)
		}
	})
	return err
}

func oneDash(name string) error { return fmt.Errorf("write --%s, with two dashes", name) }
