package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// componentsLine is the line of a kustomization that takes components.
func componentsLine(names []string) string {
	var paths []string
	for _, name := range names {
		paths = append(paths, "../../components/"+name)
	}
	return "components: [" + strings.Join(paths, ", ") + "]"
}

// subsets are all sets of names, in the order given.
func subsets(names []string) (all [][]string) {
	for bits := range 1 << len(names) {
		set := []string{}
		for i, name := range names {
			if bits&(1<<i) != 0 {
				set = append(set, name)
			}
		}
		all = append(all, set)
	}
	return all
}

// with renders an overlay with components in place of, or beside, what it has.
func with(t *testing.T, overlay string, names ...string) []runtime.Object {
	t.Helper()
	files := copyOfDeploy(t)
	files.add(t, "overlays/"+overlay, componentsLine(names))
	return decoded(t, files.build(t, "overlays/"+overlay))
}

// Every overlay with every set of components, in their order and in the other one, and with the line where the overlays
// say and in the overlay itself; each object is one that an API server takes, and each pod a restricted one.
func TestEveryOverlayTakesEveryCombinationOfComponents(t *testing.T) {
	require.Equal(t, components, folders(t, "components"))
	for _, set := range subsets(components) {
		backwards := slices.Clone(set)
		slices.Reverse(backwards)
		for _, overlay := range overlays {
			t.Run(overlay+" "+strings.Join(set, " "), func(t *testing.T) {
				var all [][]runtime.Object
				for _, place := range []string{"dry-run", overlay} {
					for _, order := range [][]string{set, backwards} {
						files := copyOfDeploy(t)
						files.add(t, "overlays/"+place, componentsLine(order))
						all = append(all, decoded(t, files.build(t, "overlays/"+overlay)))
					}
				}
				for _, objects := range all {
					job, serve := waysOf(t, objects).on()
					require.Equal(t, running[overlay].job, job)
					require.Equal(t, running[overlay].serve, serve)
					shows(t, objects, set)
				}
			})
		}
	}
}

// shows checks for each component that what it is for is there, and nothing of it without it.
func shows(t *testing.T, objects []runtime.Object, set []string) {
	t.Helper()
	pods := waysOf(t, objects).pods()
	settings := named[*corev1.ConfigMap](objects, "tokensweep-settings")
	require.Len(t, settings, 1)
	mode := "PrivateKey"
	if slices.Contains(set, "api-token") {
		mode = "SSWS"
	}
	require.Equal(t, mode, settings[0].Data["OKTA_CLIENT_AUTHORIZATIONMODE"])
	for _, pod := range pods {
		c := pod.Spec.Containers[0]
		require.Equal(t, settings[0].Name, c.EnvFrom[0].ConfigMapRef.Name)
		require.Equal(t, slices.Contains(set, "ca"), slices.ContainsFunc(c.Env,
			func(e corev1.EnvVar) bool { return e.Name == "SSL_CERT_FILE" }))
	}
	pushes := slices.ContainsFunc(pods[0].Spec.Containers[0].Args, func(arg string) bool {
		return strings.HasPrefix(arg, "--pushgateway=")
	})
	require.Equal(t, slices.Contains(set, "pushgateway"), pushes)
	require.Len(t, named[*networkingv1.NetworkPolicy](objects, "tokensweep-pushgateway"), count(pushes))
	monitored := slices.Contains(set, "prometheus")
	for _, kind := range []string{"PodMonitor", "PrometheusRule"} {
		require.Len(t, ofKind(objects, kind), count(monitored), kind)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// ofKind are the objects of a kind.
func ofKind(objects []runtime.Object, kind string) (found []runtime.Object) {
	for _, o := range objects {
		if o.GetObjectKind().GroupVersionKind().Kind == kind {
			found = append(found, o)
		}
	}
	return found
}

// The overlay that the others are built on lists the components; with the # taken away it builds.
func TestTheListOfComponentsInDryRunIsWholeAndWorks(t *testing.T) {
	file := "/deploy/overlays/dry-run/kustomization.yaml"
	files := copyOfDeploy(t)
	text, err := files.ReadFile(file)
	require.NoError(t, err)
	before, list, found := strings.Cut(string(text), "# components:\n")
	require.True(t, found)
	list = "components:\n" + strings.ReplaceAll(list, "# - ", "- ")
	require.NoError(t, files.WriteFile(file, []byte(before+list)))
	require.Equal(t, len(components), strings.Count(list, "../../components/"))
	for _, overlay := range overlays {
		shows(t, decoded(t, files.build(t, "overlays/"+overlay)), components)
	}
	for _, component := range components {
		head, err := os.ReadFile(filepath.Join(root, "deploy/components", component, "kustomization.yaml"))
		require.NoError(t, err)
		require.Regexp(t, `dry-run: `+regexpOf(componentsLine([]string{component})), string(head))
	}
}

func regexpOf(line string) string {
	return strings.NewReplacer("[", `\[`, "]", `\]`, ".", `\.`).Replace(line)
}

// An authority of one's own is mounted, and named to the program, beside all that was there.
func TestAnAuthorityOfOnesOwnIsTrustedInEachOverlay(t *testing.T) {
	for _, overlay := range overlays {
		plain, trusting := waysOf(t, objects(t, overlay)).pods(), waysOf(t, with(t, overlay, "ca")).pods()
		for i := range plain {
			before, after := plain[i].Spec, trusting[i].Spec
			c := after.Containers[0]
			file := ""
			for _, e := range c.Env {
				if e.Name == "SSL_CERT_FILE" {
					file = e.Value
				}
			}
			require.True(t, strings.HasSuffix(file, "/ca.pem"), "%s: %q", overlay, file)
			require.Equal(t, "tokensweep-ca", mounted(t, after, file).ConfigMap.Name)
			require.Len(t, after.Volumes, len(before.Volumes)+1)
			require.Len(t, c.VolumeMounts, len(before.Containers[0].VolumeMounts)+1)
			require.Len(t, c.Env, len(before.Containers[0].Env)+1)
			require.Equal(t, before.Containers[0].Args, c.Args)
		}
	}
}

// Whoever has an API token keeps their secret: its name, its key and where it is mounted are as before, whatever
// settings.env says of a service app, and without the component too where settings.env is of before.
func TestAnAPITokenIsReadFromTheSecretAsBefore(t *testing.T) {
	before := "OKTA_CLIENT_ORGURL=https://acme.okta.com\nOKTA_CLIENT_TOKEN_FILE=/run/secrets/okta/token\n"
	for _, settings := range []string{"", before} {
		for _, set := range [][]string{{}, {"api-token"}} {
			if settings == "" && len(set) == 0 {
				continue // the service app
			}
			files := copyOfDeploy(t)
			if settings != "" {
				require.NoError(t, files.WriteFile("/deploy/base/settings.env", []byte(settings)))
			}
			files.add(t, "overlays/dry-run", componentsLine(set))
			for _, overlay := range overlays {
				all := decoded(t, files.build(t, "overlays/"+overlay))
				environment := named[*corev1.ConfigMap](all, "tokensweep-settings")[0].Data
				require.Contains(t, []string{"", "SSWS"}, environment["OKTA_CLIENT_AUTHORIZATIONMODE"])
				require.Equal(t, "/run/secrets/okta/token", environment["OKTA_CLIENT_TOKEN_FILE"])
				for name := range environment {
					require.NotContains(t, name, "PRIVATEKEY")
					require.NotContains(t, name, "CLIENTID")
				}
				for _, pod := range waysOf(t, all).pods() {
					secret := mounted(t, pod.Spec, environment["OKTA_CLIENT_TOKEN_FILE"]).Secret
					require.Equal(t, "tokensweep-okta", secret.SecretName)
					require.Nil(t, secret.Items, "each key is a file of its name")
				}
			}
		}
	}
}

// Runs may reach the Pushgateway that they push to; serve's pod, which doesn't push, may not.
func TestRunsReachThePushgatewayAndServeDoesNot(t *testing.T) {
	for _, overlay := range overlays {
		all := with(t, overlay, "pushgateway")
		pods := waysOf(t, all).pods()
		run, serve := pods[0], pods[1]
		policy := named[*networkingv1.NetworkPolicy](all, "tokensweep-pushgateway")[0].Spec
		require.True(t, selects(policy.PodSelector.MatchLabels, run.Labels))
		require.False(t, selects(policy.PodSelector.MatchLabels, serve.Labels))
		require.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}, policy.PolicyTypes)
		require.Len(t, policy.Egress, 1)
		require.Len(t, policy.Egress[0].Ports, 1)
		namespace := policy.Egress[0].To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
		require.Contains(t, run.Spec.Containers[0].Args,
			fmt.Sprintf("--pushgateway=http://pushgateway.%s:%s", namespace, policy.Egress[0].Ports[0].Port.String()))
		require.NotContains(t, strings.Join(serve.Spec.Containers[0].Args, " "), "pushgateway")

		plain := named[*networkingv1.NetworkPolicy](objects(t, overlay), "")
		require.Len(t, plain, 1, "without the component nothing more is let out")
		require.Equal(t, plain[0].Spec, named[*networkingv1.NetworkPolicy](all, "")[0].Spec)
	}
}

// selects says whether a selector of labels fits a pod's.
func selects(selector, labels map[string]string) bool {
	for label, value := range selector {
		if labels[label] != value {
			return false
		}
	}
	return len(selector) > 0
}
