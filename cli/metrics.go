package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
)

const metricsFlag = "--metrics-file"

// exportFlags say where the metrics of a single run go.
type exportFlags struct {
	file    string
	gateway gatewayFlag
	label   policyLabel
}

// wanted reports whether somebody looks at the metrics.
func (f *exportFlags) wanted() bool { return f.file != "" || f.gateway.String() != "" }

func (f *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "metrics-file", "",
		"write metrics to this `file`, for the textfile collector of a node exporter")
	cmd.Flags().Var(&f.gateway, "pushgateway", "push metrics to the Pushgateway at this `URL`")
	f.label.add(cmd)
}

// gatewayFlag is a flag whose value is the URL of a Pushgateway.
type gatewayFlag struct{ metrics.Pushgateway }

// Type implements pflag.Value.
func (f *gatewayFlag) Type() string { return "URL" }

// Set implements pflag.Value.
func (f *gatewayFlag) Set(s string) (err error) {
	f.Pushgateway, err = metrics.ParsePushgateway(s)
	return err
}

// check finds out before the run whether there is a place for the metrics.
func (f *exportFlags) check(a *app) error {
	switch {
	case f.label != "" && !f.wanted():
		return usage("%s goes with %s or --pushgateway", policyLabelFlag, metricsFlag)
	case f.file == "":
		return f.label.check()
	}
	if err := f.label.check(); err != nil {
		return err
	}
	target, err := a.files.regular(metricsFlag, f.file)
	if err != nil {
		return err
	}
	if err := writable(target); err != nil {
		return usage("%s %s: %w", metricsFlag, f.file, err)
	}
	f.file = target
	return nil
}

// export delivers the metrics of a run that ends with a code, as far as is known, and returns the code that they tell:
// that they could not be delivered counts too.
func (f *exportFlags) export(
	ctx context.Context, m *metrics.Set, code audit.ExitCode, ended func(audit.ExitCode),
) (audit.ExitCode, error) {
	push := func() error {
		if f.gateway.String() == "" {
			return nil
		}
		return m.Push(context.WithoutCancel(ctx), f.gateway.Pushgateway)
	}
	ended(code)
	pushed := push()
	if pushed != nil {
		code = audit.Sooner(code, audit.Undelivered)
		ended(code)
	}
	if f.file == "" {
		return code, pushed
	}
	err := m.WriteFile(f.file)
	if err == nil {
		return code, pushed
	}
	if code = audit.Sooner(code, audit.Undelivered); pushed == nil {
		ended(code)
		pushed = push()
	}
	return code, errors.Join(pushed, fmt.Errorf("writing the metrics: %s %s: %w", metricsFlag, f.file, cause(err)))
}

// runOnce makes one run and exports its metrics, however it went.
func (a *app) runOnce(ctx context.Context, f *runFlags, x *exportFlags) error {
	if err := errors.Join(x.check(a), a.summary.check(a)); err != nil {
		return err
	}
	began := f.now()
	f.id = audit.NewID(began)
	org := a.env.orgURL()
	m := metrics.NewRun(metrics.Source{Org: hostOf(org), Policy: x.label.of(f.policy)}, version(), f.id)
	f.metrics = m.Set
	asked := false // what the ledger knows
	recall := func(h audit.History) {
		if asked = true; h.Org == org { // what it knows of another is not for this one
			m.Recall(h)
		}
	}
	f.remember = func(l *ledger.Ledger) { recall(audit.HistoryFor(f.id, l, f.now())) }
	told := audit.ExitCode(-1) // the code that the metrics tell; none yet
	export := func(code audit.ExitCode) (err error) {
		if x.wanted() && f.state.dir != "" && !asked { // it was not opened
			if h, err := audit.ReadHistory(f.state.store(), f.now()); err == nil { // else the run says what is wrong
				recall(h)
			}
		}
		told, err = x.export(ctx, m.Set, code, func(code audit.ExitCode) { m.Ended(began, f.now(), code) })
		return err
	}
	f.export = func(r *audit.Report) error { return export(r.Code) }
	failed := a.withRun(f.id).run(ctx, f)
	code := audit.OK
	if failed != nil {
		code = failureOf(failed).code
	}
	if told == code {
		return failed
	}
	// There was no report, or the code was changed by what came after the metrics.
	if err := export(code); err != nil {
		return sooner(failed, &failure{code: audit.Undelivered, err: err})
	}
	return failed
}

// orgURL is the org that the environment names; "" if it names none, which fails the run.
func (e environment) orgURL() string {
	u, err := okta.ParseOrgURL(e.get("OKTA_CLIENT_ORGURL"))
	if err != nil {
		return ""
	}
	return u.String()
}

// hostOf names the org at a URL in metrics.
func hostOf(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://")
}

// policyLabel is the label by which metrics tell the policies of one org apart, as the flag says; "" is the name of the
// policy's file. That stays the same when the policy is edited, and is known when it can't be read.
type policyLabel string

const policyLabelFlag = "--metrics-policy"

func (l *policyLabel) add(cmd *cobra.Command) {
	cmd.Flags().StringVar((*string)(l), policyLabelFlag[2:], "",
		"`name` of the policy in metrics, where several look at one org (default: that of its file, without the "+
			"ending)")
}

// of is the label where the policy is in a file.
func (l policyLabel) of(file string) string {
	if l != "" {
		return string(l)
	}
	base := filepath.Base(file)
	for _, ending := range []string{".yaml", ".yml"} {
		if name := strings.TrimSuffix(base, ending); name != "" {
			base = name
		}
	}
	return okta.Printable(base)
}

// check refuses a name that would not be the same to everybody who reads it.
func (l policyLabel) check() error {
	if text := string(l); text != okta.Printable(text) || len(text) > maxPolicyLabel {
		return usage("%s: want a name of at most %d bytes that prints", policyLabelFlag, maxPolicyLabel)
	}
	return nil
}

// maxPolicyLabel is more than a name needs.
const maxPolicyLabel = 100
