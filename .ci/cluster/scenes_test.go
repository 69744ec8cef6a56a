package cluster_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	reason  = "deploys fail since this morning"
	stop    = `kubectl -n tokensweep patch cronjob tokensweep -p '{"spec": {"suspend": true}}'`
	goOn    = `kubectl -n tokensweep patch cronjob tokensweep -p '{"spec": {"suspend": false}}'`
	halt    = `/tokensweep halt --reason "` + reason + `"`
	jobs    = "kubectl -n tokensweep get jobs -l app.kubernetes.io/instance=tokensweep"
	secret  = "kubectl -n tokensweep create secret generic tokensweep-okta --from-file=private-key=okta-key.pem"
	dryRuns = "kubectl apply -k deploy/overlays/dry-run"
)

// scenes are what goes with the lines that need or show more than that they work, by the line.
func (p *play) scenes() map[string][]scene {
	all := make(map[string][]scene)
	for _, some := range []map[string][]scene{firstRun(), planAndStop(), onTheClaim(), components()} {
		maps.Copy(all, some)
	}
	return all
}

// until is the paper's way to wait for the container of a Job.
func until(job string) string {
	return "until kubectl -n tokensweep wait pod -l job-name=" + job + " --timeout=30s \\\n" +
		"  --for=jsonpath='{.status.containerStatuses[0].containerID}'; do sleep 1; done"
}

func firstRun() map[string][]scene {
	return map[string][]scene{
		"kubectl -n tokensweep create job --from=cronjob/tokensweep audit-1": {{before: func(_ *testing.T, p *play) {
			p.node.hold(unscheduled)
		}}},
		until("audit-1"): {{before: func(_ *testing.T, p *play) { // a pod that takes its time
			time.AfterFunc(2*time.Second, func() { p.node.hold(pulling) })
			time.AfterFunc(5*time.Second, func() { p.node.hold(onTime) })
		}}},
		"kubectl -n tokensweep logs -f job/audit-1": {{after: func(t *testing.T, _ *play, out string) {
			require.EqualValues(t, 0, last(t, out, "run")["run"].(map[string]any)["exitCode"])
			require.Equal(t, "pending", last(t, out, "finding")["outcome"])
		}}},
		"kubectl -n tokensweep describe pod -l job-name=audit-1": {{after: func(t *testing.T, _ *play, out string) {
			require.Regexp(t, `Message: +\{"schema":1,.*"exitCode":0`, out)
		}}},
		"kubectl -n tokensweep get pods -o jsonpath='{range .items[*]}{.status.containerStatuses[0].state.terminated" +
			".message}{end}'": {{after: func(t *testing.T, _ *play, out string) {
			require.True(t, json.Valid([]byte(out)), "%s", out)
		}}},
		jobs + " --sort-by=.metadata.creationTimestamp": {{before: scheduled, after: func(t *testing.T, _ *play,
			out string) {
			require.Regexp(t, `(?s)audit-1 .*tokensweep-\d+ `, out, "the newest last")
		}}},
	}
}

func planAndStop() map[string][]scene {
	return map[string][]scene{
		"kubectl apply -k deploy/overlays/plan": {{before: planned, after: func(t *testing.T, p *play, _ string) {
			require.True(t, p.suspended(t))
		}}},
		"kubectl -n tokensweep logs -f job/plan-1": {{after: func(t *testing.T, p *play, out string) {
			require.Equal(t, "quarantined", last(t, out, "finding")["outcome"])
			p.complete(t, "plan-1")
		}}},
		stop: {{before: underWay, after: func(t *testing.T, p *play, _ string) {
			require.True(t, p.suspended(t))
		}}},
		jobs: {{after: func(t *testing.T, _ *play, out string) {
			require.Regexp(t, `audit-1 +Running +0/1`, out)
		}}},
		"kubectl -n tokensweep exec job/audit-1 -- " + halt: {{after: func(t *testing.T, p *play, out string) {
			halted(t, p, out)
			p.release()
			pods, _ := p.ended(t, "audit-1")
			require.EqualValues(t, 26, pods[0].Status.ContainerStatuses[0].State.Terminated.ExitCode)
		}}},
		"kubectl -n tokensweep exec deploy/tokensweep -- " + halt: {{before: func(t *testing.T, p *play) {
			p.run(t, "kubectl apply -k deploy/overlays/serve")
			p.available(t, "tokensweep")
			p.run(t, "kubectl -n tokensweep exec deploy/tokensweep -- /tokensweep resume")
		}, after: halted}},
		goOn: {{before: suspendedByHand, after: func(t *testing.T, p *play, _ string) {
			require.False(t, p.suspended(t))
		}}},
		byHand("halt-1", `["halt", "--reason", "`+reason+`"]`): {{before: func(t *testing.T, p *play) {
			p.run(t, byHand("resume-1", `["resume"]`)) // as the paper says it is done
			p.complete(t, "resume-1")
			p.seen = p.remembered(t, "tokensweep-state")
		}, after: func(t *testing.T, p *play, _ string) {
			p.complete(t, "halt-1")
			require.Contains(t, strings.TrimPrefix(p.remembered(t, "tokensweep-state"), p.seen), reason)
		}}},
	}
}

func onTheClaim() map[string][]scene {
	return map[string][]scene{
		"kubectl -n tokensweep cp tokensweep-state:/var/lib/tokensweep/state state-copy": {{
			after: func(t *testing.T, p *play, _ string) {
				require.Contains(t, p.run(t, "tokensweep ledger verify --state state-copy"), "all sound")
				p.seen = p.remembered(t, "tokensweep-state")
			}}},
		"kubectl -n tokensweep delete pvc tokensweep-state": {{after: func(t *testing.T, p *play, _ string) {
			require.Empty(t, p.remembered(t, "tokensweep-state"), "it is gone, as the paper says")
			p.replace(t, "deploy/base", "ReadWriteOncePod]", "ReadWriteOnce]")
		}}},
		"kubectl -n tokensweep cp state-copy tokensweep-state:/var/lib/tokensweep/state": {{
			after: func(t *testing.T, p *play, _ string) {
				require.True(t, p.suspended(t), "no run came between")
				require.Equal(t, p.seen, p.remembered(t, "tokensweep-state"))
				claim, err := p.client.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "tokensweep-state",
					metav1.GetOptions{})
				require.NoError(t, err)
				require.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
			}}},
		"kubectl -n tokensweep delete pod tokensweep-state": {{}, {after: func(t *testing.T, p *play, _ string) {
			p.audit(t, "tokensweep", "audit-3")
			require.True(t, strings.HasPrefix(p.remembered(t, "tokensweep-state"), p.seen), "it goes on in that ledger")
			require.Greater(t, len(p.remembered(t, "tokensweep-state")), len(p.seen))
		}}},
	}
}

func components() map[string][]scene {
	return map[string][]scene{
		"kubectl -n tokensweep create secret generic tokensweep-okta --from-file=token=okta-token": {{
			before: func(t *testing.T, p *play) {
				p.run(t, "kubectl -n tokensweep delete secret tokensweep-okta")
				p.component(t, "api-token")
			}, after: func(t *testing.T, p *play, _ string) {
				p.audit(t, "tokensweep", "token-1")
				p.component(t, "api-token") // no longer
				p.run(t, "kubectl -n tokensweep delete secret tokensweep-okta")
				p.run(t, secret)
			}}},
		"kubectl -n tokensweep create secret generic tokensweep-okta-b --from-file=private-key=okta-key-b.pem": {{
			after: func(t *testing.T, p *play, _ string) {
				p.another.ResetRequests()
				p.audit(t, "tokensweep-b", "b-1")
				require.NotEmpty(t, p.another.Requests())
			}}},
		"kubectl -n tokensweep create configmap tokensweep-ca --from-file=ca.pem": {{before: func(t *testing.T,
			p *play) {
			certificate, err := os.ReadFile(filepath.Join(p.file("certs"), "apiserver.crt"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(p.tree, "ca.pem"), certificate, 0o600))
			p.component(t, "ca")
		}, after: func(t *testing.T, p *play, _ string) { p.audit(t, "tokensweep", "ca-1") }}},
	}
}

// byHand is the paper's way of doing something by hand.
func byHand(job, args string) string {
	return "kubectl -n tokensweep create job " + job + " --from=cronjob/tokensweep --dry-run=client -o json |\n" +
		`  kubectl patch --local -f - -o json --type json -p '[{"op": "replace", ` +
		`"path": "/spec/template/spec/containers/0/args",` + "\n" + `    "value": ` + args +
		"}]' |\n  kubectl create -f -"
}

// component takes the # from the line of a component, as the paper says, or puts all of them back. Then it applies the
// overlay.
func (p *play) component(t *testing.T, name string) {
	t.Helper()
	const overlay = "deploy/overlays/dry-run/kustomization.yaml"
	file := filepath.Join(p.tree, overlay)
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	used := regexp.MustCompile(`(?m)^components:\n- ../../components/` + name + `\b`)
	changed := used.ReplaceAllString(string(raw), "# components:\n# - ../../components/"+name)
	if changed == string(raw) {
		line := regexp.MustCompile(`(?m)^# (- ../../components/` + name + `\b.*)$`)
		unused := line.FindStringSubmatch(changed)
		require.NotNil(t, unused, "no line of %s in %s", name, overlay)
		changed = line.ReplaceAllString(changed, "")
		changed = strings.Replace(changed, "# components:", "components:\n"+unused[1], 1)
	}
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	p.run(t, dryRuns)
}

// scheduled waits for a run of the schedule, which is every minute for so long.
func scheduled(t *testing.T, p *play) {
	p.run(t, `kubectl -n tokensweep patch cronjob tokensweep -p '{"spec": {"schedule": "* * * * *"}}'`)
	eventually(t, func() bool {
		jobs, err := p.client.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(jobs.Items) == 2
	})
	p.run(t, dryRuns) // has its own schedule again
}

// planned makes a plan by a dry run, and writes its digest into the overlay plan.
func planned(t *testing.T, p *play) {
	p.replace(t, "deploy/base", "mode: dry-run", "mode: enforce")
	p.replace(t, "deploy/base", "quarantine: 71h", "quarantine: 0d")
	p.run(t, dryRuns)
	digest := last(t, p.audit(t, "tokensweep", "audit-plan"), "run")["plan"].(map[string]any)["digest"].(string)
	p.replace(t, "deploy/overlays/plan", "sha256:"+strings.Repeat("0", 64), digest)
}

// underWay lets an enforcing run hang in the middle of its listing.
func underWay(t *testing.T, p *play) {
	p.run(t, "kubectl -n tokensweep delete job audit-1")
	p.run(t, "kubectl apply -k deploy/overlays/enforce")
	p.release = p.busy(t)
	p.run(t, "kubectl -n tokensweep create job --from=cronjob/tokensweep audit-1")
	eventually(t, func() bool {
		for _, r := range p.org.Requests() {
			if r.Path == "/api/v1/api-tokens" {
				return true
			}
		}
		return false
	})
}

// suspendedByHand is what patch has done, after which the same overlay was applied.
func suspendedByHand(t *testing.T, p *play) {
	p.run(t, dryRuns)
	require.False(t, p.suspended(t), "whoever leaves serve ends the suspension")
	p.run(t, stop)
	p.run(t, dryRuns)
	require.True(t, p.suspended(t), "applying the same overlay ends none")
}

// halted is what halt says, and the brake, pulled. The ledger has it once no run is under way.
func halted(t *testing.T, p *play, out string) {
	require.Contains(t, out, "halted: no run that uses /var/lib/tokensweep/state changes anything")
	brake, err := os.ReadFile(filepath.Join(p.node.dir, namespace, "tokensweep-state/var/lib/tokensweep/state/halt"))
	require.NoError(t, err)
	require.Contains(t, string(brake), reason)
}

// end removes it all, as the paper warns: the claim goes, too, and with it the ledger.
func (p *play) end(t *testing.T) {
	p.run(t, "kubectl delete -k deploy/overlays/dry-run")
	_, err := p.client.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "tokensweep-state",
		metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	require.Empty(t, p.remembered(t, "tokensweep-state"))
}
