package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify/metrics"
	"tokensweep/okta"
)

const metricsFlag = "--metrics-file"

// exportFlags say where the metrics of a single run go.
type exportFlags struct {
	file    string
	gateway gatewayFlag
}

func (f *exportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "metrics-file", "",
		"write metrics to this `file`, for the textfile collector of a node exporter")
	cmd.Flags().Var(&f.gateway, "pushgateway", "push metrics to the Pushgateway at this `URL`")
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
	if f.file == "" {
		return nil
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
	f.metrics = metrics.New(a.env.orgHost(), version())
	if f.state.dir != "" && (x.file != "" || x.gateway.String() != "") {
		if h, err := audit.ReadHistory(f.state.store(), f.now()); err == nil { // else the run says what is wrong
			f.metrics.Recall(h)
		}
	}
	began := f.now()
	f.id = audit.NewID(began)
	told := audit.ExitCode(-1) // the code that the metrics tell; none yet
	ended := f.metrics.Ended
	export := func(code audit.ExitCode) (err error) {
		told, err = x.export(ctx, f.metrics, code, func(code audit.ExitCode) {
			ended(began, f.now(), code)
			ended = f.metrics.EndedAfterAll
		})
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

// orgHost names the org in metrics; "" if the environment doesn't, which fails the run.
func (e environment) orgHost() string {
	u, err := okta.ParseOrgURL(e.get("OKTA_CLIENT_ORGURL"))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.TrimPrefix(u.String(), "https://"), "http://")
}
