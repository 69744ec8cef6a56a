package kube_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/pod-security-admission/api"
)

func TestAnAPIServerTakesEveryManifest(t *testing.T) {
	require.Equal(t, overlays, folders(t, "overlays"))
	for _, overlay := range overlays {
		for _, manifest := range render(t, overlay) {
			require.Empty(t, admit(manifest), "%s: %s", overlay, manifest)
		}
	}
}

func TestEachOverlayHasTheSameAroundItsPods(t *testing.T) {
	for _, overlay := range overlays {
		namespace := the[*corev1.Namespace](t, overlay, "tokensweep")
		level, errs := api.PolicyToEvaluate(namespace.Labels, api.Policy{})
		require.Empty(t, errs)
		require.Equal(t, "restricted:latest", level.Enforce.String())

		account := the[*corev1.ServiceAccount](t, overlay, "tokensweep")
		require.False(t, *account.AutomountServiceAccountToken)

		state := the[*corev1.PersistentVolumeClaim](t, overlay, "tokensweep-state")
		require.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}, state.Spec.AccessModes)

		for _, object := range objects(t, overlay) {
			if _, ok := object.(*corev1.Namespace); !ok {
				require.Equal(t, "tokensweep", object.(interface{ GetNamespace() string }).GetNamespace(), "%T in %s",
					object, overlay)
			}
		}
	}
}

func TestPodsReachNamesAndHTTPSAndAreReachedForMetricsAlone(t *testing.T) {
	for _, overlay := range overlays {
		np := the[*networkingv1.NetworkPolicy](t, overlay, "tokensweep")
		require.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			np.Spec.PolicyTypes)
		pod := workload(t, overlay)
		require.NotEmpty(t, np.Spec.PodSelector.MatchLabels)
		for label, value := range np.Spec.PodSelector.MatchLabels {
			require.Equal(t, value, pod.Labels[label], "the policy covers the pods")
		}
		var out []string
		for _, rule := range np.Spec.Egress {
			for _, p := range rule.Ports {
				out = append(out, string(*p.Protocol)+" "+p.Port.String())
			}
		}
		require.Equal(t, []string{"UDP 53", "TCP 53", "TCP 443"}, out)
		if overlay != "serve" {
			require.Nil(t, np.Spec.Ingress, "no rule lets nobody in, and a list without one is not kept")
			continue
		}
		require.Len(t, np.Spec.Ingress, 1)
		require.Len(t, np.Spec.Ingress[0].Ports, 1)
		require.Equal(t, pod.Spec.Containers[0].Ports[0].ContainerPort, np.Spec.Ingress[0].Ports[0].Port.IntVal)
		require.NotEmpty(t, np.Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels)
	}
}

func TestPodsAreHardenedBeyondRestricted(t *testing.T) {
	for _, overlay := range overlays {
		pod := workload(t, overlay).Spec
		c := pod.Containers[0]
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
		require.False(t, *pod.AutomountServiceAccountToken)
		require.Equal(t, "tokensweep", pod.ServiceAccountName)
		require.False(t, *pod.EnableServiceLinks, "no names of services in the environment")
		require.EqualValues(t, 90, *pod.TerminationGracePeriodSeconds)
		require.NotZero(t, c.Resources.Requests.Cpu().MilliValue())
		require.NotZero(t, c.Resources.Requests.Memory().Value())
		require.NotZero(t, c.Resources.Limits.Memory().Value())
		require.Equal(t, corev1.TerminationMessageFallbackToLogsOnError, c.TerminationMessagePolicy)
		for _, m := range c.VolumeMounts {
			require.Equal(t, m.Name != "state", m.ReadOnly, "only the state can be written: %s", m.Name)
			require.Empty(t, m.SubPath, "a file of its own is not kept up to date")
		}
		for _, v := range pod.Volumes {
			if v.Secret != nil {
				require.EqualValues(t, 0o440, *v.Secret.DefaultMode)
				require.Equal(t, v.Secret.SecretName != "tokensweep-okta", v.Secret.Optional != nil &&
					*v.Secret.Optional)
			}
		}
	}
}

// secrets are the names in docs/environment.md that hold a secret.
var secrets = []string{"OKTA_CLIENT_TOKEN", "OKTA_CLIENT_PRIVATEKEY", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL",
	"TOKENSWEEP_WEBHOOK_URL", "TOKENSWEEP_WEBHOOK_SECRET"}

// mounted says which volume holds a file of the container.
func mounted(t *testing.T, pod corev1.PodSpec, file string) corev1.Volume {
	t.Helper()
	for _, m := range pod.Containers[0].VolumeMounts {
		if strings.HasPrefix(file, m.MountPath+"/") {
			i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
			return pod.Volumes[i]
		}
	}
	require.Fail(t, "no volume holds "+file)
	return corev1.Volume{}
}

func TestNoSecretIsInTheEnvironmentAndEveryFileThatItNamesIsMounted(t *testing.T) {
	for _, overlay := range overlays {
		pod := workload(t, overlay).Spec
		c := pod.Containers[0]
		settings, policy := the[*corev1.ConfigMap](t, overlay, "tokensweep-settings"),
			the[*corev1.ConfigMap](t, overlay, "tokensweep-policy")
		require.Len(t, c.EnvFrom, 1)
		require.Nil(t, c.EnvFrom[0].SecretRef)
		require.Equal(t, settings.Name, c.EnvFrom[0].ConfigMapRef.Name)
		environment := settings.Data
		for _, e := range c.Env {
			require.Nil(t, e.ValueFrom, e.Name)
			environment[e.Name] = e.Value
		}
		for _, secret := range secrets {
			require.NotContains(t, environment, secret)
		}
		require.NotEmpty(t, environment["OKTA_CLIENT_ORGURL"])
		require.Equal(t, "PrivateKey", environment["OKTA_CLIENT_AUTHORIZATIONMODE"])
		require.Equal(t, "/run/secrets/okta/private-key", environment["OKTA_CLIENT_PRIVATEKEY_FILE"])
		require.NotContains(t, environment, "OKTA_CLIENT_TOKEN_FILE")
		require.Equal(t, "tokensweep-okta",
			mounted(t, pod, environment["OKTA_CLIENT_PRIVATEKEY_FILE"]).Secret.SecretName)
		require.Equal(t, "tokensweep-slack", mounted(t, pod, "/run/secrets/slack/token").Secret.SecretName)
		require.Equal(t, "tokensweep-webhook", mounted(t, pod, "/run/secrets/webhook/secret").Secret.SecretName)
		require.Equal(t, "tokensweep-state",
			mounted(t, pod, environment["TOKENSWEEP_STATE"]).PersistentVolumeClaim.ClaimName)
		require.Equal(t, policy.Name, mounted(t, pod, environment["TOKENSWEEP_POLICY"]).ConfigMap.Name)
		require.Contains(t, policy.Data, filepath.Base(environment["TOKENSWEEP_POLICY"]))
	}
}

func TestTheJobIsRunOnceAndNotForEver(t *testing.T) {
	for _, overlay := range []string{"dry-run", "enforce"} {
		spec := the[*batchv1.CronJob](t, overlay, "tokensweep").Spec
		require.Equal(t, batchv1.ForbidConcurrent, spec.ConcurrencyPolicy)
		require.Equal(t, "Etc/UTC", *spec.TimeZone)
		require.EqualValues(t, 3600, *spec.StartingDeadlineSeconds)
		require.EqualValues(t, 10, *spec.SuccessfulJobsHistoryLimit)
		require.EqualValues(t, 10, *spec.FailedJobsHistoryLimit)
		require.False(t, *spec.Suspend)
		job := spec.JobTemplate.Spec
		require.EqualValues(t, 1, *job.BackoffLimit)
		require.EqualValues(t, 8400, *job.ActiveDeadlineSeconds)
		require.Nil(t, job.Parallelism, "one pod, unless something else is said")
		require.Nil(t, job.TTLSecondsAfterFinished, "the history limits keep Jobs, and with them their last words")
		require.Equal(t, batchv1.Failed, *job.PodReplacementPolicy,
			"a pod is replaced when it is gone, not when it goes")
	}
	serve := the[*appsv1.Deployment](t, "serve", "tokensweep").Spec
	require.EqualValues(t, 1, *serve.Replicas)
	require.Equal(t, appsv1.RecreateDeploymentStrategyType, serve.Strategy.Type)
	require.Equal(t, "/healthz", serve.Template.Spec.Containers[0].LivenessProbe.HTTPGet.Path)
	require.Equal(t, "/readyz", serve.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Path)
}

// exitCodes are the exit codes that the program declares.
func exitCodes(t *testing.T) (codes []int32) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "audit/exit.go"), nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		typ, isIdent := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if isIdent && typ.Name == "ExitCode" && isLiteral {
			n, err := strconv.ParseInt(value.Value, 10, 32)
			require.NoError(t, err)
			codes = append(codes, int32(n))
		}
		return true
	})
	slices.Sort(codes)
	require.Contains(t, codes, int32(22))
	return codes
}

func TestAnExitCodeThatNeedsAPersonFailsTheJobAndNoOtherDoes(t *testing.T) {
	again := []int32{22, 26} // Okta is out of reach; told to stop, or halted
	var people []int32       // all but those, and a good end
	for _, code := range exitCodes(t) {
		if code != 0 && !slices.Contains(again, code) {
			people = append(people, code)
		}
	}
	rules := the[*batchv1.CronJob](t, "dry-run", "tokensweep").Spec.JobTemplate.Spec.PodFailurePolicy.Rules
	require.Len(t, rules, 3)
	require.Equal(t, batchv1.PodFailurePolicyActionIgnore, rules[0].Action)
	require.Equal(t, corev1.DisruptionTarget, rules[0].OnPodConditions[0].Type)
	require.Equal(t, batchv1.PodFailurePolicyActionCount, rules[1].Action)
	require.Equal(t, again, rules[1].OnExitCodes.Values)
	require.Equal(t, batchv1.PodFailurePolicyActionFailJob, rules[2].Action)
	require.Equal(t, batchv1.PodFailurePolicyOnExitCodesOpIn, rules[2].OnExitCodes.Operator)
	require.Equal(t, people, rules[2].OnExitCodes.Values)
}

func TestTheOverlaysDifferInWhatTheyAreForAndInNothingElse(t *testing.T) {
	dryRun, enforce, serve := workload(t, "dry-run"), workload(t, "enforce"), workload(t, "serve")
	require.NotContains(t, strings.Join(append(dryRun.Spec.Containers[0].Args, serve.Spec.Containers[0].Args...), " "),
		"enforce")
	require.Equal(t, append(slices.Clone(dryRun.Spec.Containers[0].Args), "--enforce"), enforce.Spec.Containers[0].Args)
	enforce.Spec.Containers[0].Args = dryRun.Spec.Containers[0].Args
	require.Equal(t, dryRun, enforce)

	c := &serve.Spec.Containers[0]
	c.Args, c.Ports, c.LivenessProbe, c.ReadinessProbe = dryRun.Spec.Containers[0].Args, nil, nil, nil
	serve.Spec.RestartPolicy = dryRun.Spec.RestartPolicy
	require.Equal(t, dryRun.Spec, serve.Spec)
}

// program builds tokensweep.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokensweep")
	out, err := exec.Command("go", "build", "-C", root, "-o", file, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

func TestTheProgramKnowsTheArgumentsAndThePolicyOfEachOverlay(t *testing.T) {
	tokensweep := program(t)
	for _, overlay := range overlays {
		args := workload(t, overlay).Spec.Containers[0].Args
		out, err := exec.Command(tokensweep, append(slices.Clone(args), "--help")...).CombinedOutput()
		require.NoError(t, err, "%s: %v: %s", overlay, args, out)

		policy := the[*corev1.ConfigMap](t, overlay, "tokensweep-policy").Data["policy.yaml"]
		file := filepath.Join(t.TempDir(), "policy.yaml")
		require.NoError(t, os.WriteFile(file, []byte(policy), 0o600))
		out, err = exec.Command(tokensweep, "validate", "--strict", "--policy", file).CombinedOutput()
		require.NoError(t, err, "%s: %s", overlay, out)
		require.Contains(t, string(out), "mode dry-run", "the first key is not turned")
		schedule := the[*batchv1.CronJob](t, overlay, "tokensweep").Spec
		require.Contains(t, policy, `cron: "`+schedule.Schedule+`"`, "CronJob and serve keep the same hours")
		require.Contains(t, policy, "timezone: "+*schedule.TimeZone)
		org := the[*corev1.ConfigMap](t, overlay, "tokensweep-settings").Data["OKTA_CLIENT_ORGURL"]
		require.Contains(t, policy, "org: "+org+"\n", "the policy and the credential are of one org")
	}
}
