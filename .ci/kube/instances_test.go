package kube_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// instance is what an installation calls its own: no other in the same namespace may have any of it.
type instance struct {
	names     []string            // of all objects but the namespace
	uses      []string            // what its pods mount, read and run as
	pods      []map[string]string // the labels of pods
	selectors []map[string]string
}

func instanceOf(t *testing.T, all []runtime.Object) (i instance) {
	t.Helper()
	for _, object := range all {
		kind := object.GetObjectKind().GroupVersionKind().Kind
		if kind != "Namespace" {
			i.names = append(i.names, kind+" "+object.(interface{ GetName() string }).GetName())
		}
		switch o := object.(type) {
		case *networkingv1.NetworkPolicy:
			i.selectors = append(i.selectors, o.Spec.PodSelector.MatchLabels)
		case *unstructured.Unstructured:
			if kind == "PodMonitor" {
				labels, found, err := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
				require.NoError(t, err)
				require.True(t, found)
				i.selectors = append(i.selectors, labels)
			}
		}
	}
	w := waysOf(t, all)
	i.selectors = append(i.selectors, w.serve.Spec.Selector.MatchLabels)
	for _, pod := range w.pods() {
		i.pods = append(i.pods, pod.Labels)
		i.uses = append(i.uses, "ServiceAccount "+pod.Spec.ServiceAccountName,
			"ConfigMap "+pod.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name)
		for _, v := range pod.Spec.Volumes {
			switch {
			case v.Secret != nil:
				i.uses = append(i.uses, "Secret "+v.Secret.SecretName)
			case v.ConfigMap != nil && v.Name != "ca": // one authority for all
				i.uses = append(i.uses, "ConfigMap "+v.ConfigMap.Name)
			case v.PersistentVolumeClaim != nil:
				i.uses = append(i.uses, "PersistentVolumeClaim "+v.PersistentVolumeClaim.ClaimName)
			}
		}
	}
	return i
}

// alone checks that each of two installations has what the other has not, and that each finds its own pods.
func alone(t *testing.T, a, b instance) {
	t.Helper()
	for _, pair := range [][2]instance{{a, b}, {b, a}} {
		for _, name := range append(slices.Clone(pair[0].names), pair[0].uses...) {
			require.NotContains(t, pair[1].names, name)
			require.NotContains(t, pair[1].uses, name)
		}
		require.NotEmpty(t, pair[0].selectors)
		for _, selector := range pair[0].selectors {
			for _, pod := range pair[1].pods {
				require.False(t, selects(selector, pod), "%v, %v", selector, pod)
			}
			require.True(t, slices.ContainsFunc(pair[0].pods, func(pod map[string]string) bool {
				return selects(selector, pod)
			}), "%v finds no pod of its own", selector)
		}
	}
}

// With a suffix, a prefix or both, two installations in one namespace share nothing: whatever the overlay, and with all
// components. A suffix over a suffix is one too.
func TestInstancesInOneNamespaceShareNothing(t *testing.T) {
	for _, overlay := range overlays {
		files := copyOfDeploy(t)
		files.add(t, "overlays/dry-run", componentsLine(components))
		for folder, lines := range map[string]string{
			"overlays/x": "nameSuffix: -x\nresources: [../" + overlay + "]",
			"overlays/y": "namePrefix: y-\nresources: [../" + overlay + "]",
			"overlays/z": "namePrefix: z-\nnameSuffix: -z\nresources: [../" + overlay + "]",
			"overlays/v": "nameSuffix: -v\nresources: [../x]",
		} {
			files.add(t, folder, lines)
		}
		all := []instance{instanceOf(t, decoded(t, files.build(t, "overlays/"+overlay)))}
		for _, folder := range []string{"x", "y", "z", "v"} {
			all = append(all, instanceOf(t, decoded(t, files.build(t, "overlays/"+folder))))
		}
		for i := range all {
			for j := range i {
				alone(t, all[i], all[j])
			}
		}
	}
}

// exec deploy/tokensweep-b looks for pods by the Deployment's selector. The instance is the Deployment's own name, and
// secrets are named as everything else is.
func TestASuffixNamesTheInstanceAndItsSecrets(t *testing.T) {
	files := copyOfDeploy(t)
	files.add(t, "overlays/x", "nameSuffix: -b\nresources: [../serve]")
	w := waysOf(t, decoded(t, files.build(t, "overlays/x")))
	require.Equal(t, "tokensweep-b", w.serve.Name)
	require.Equal(t, map[string]string{"app.kubernetes.io/name": "tokensweep", "app.kubernetes.io/component": "serve",
		"app.kubernetes.io/instance": "tokensweep-b"}, w.serve.Spec.Selector.MatchLabels)
	for _, pod := range w.pods() {
		for folder, secret := range map[string]string{
			"okta": "tokensweep-okta-b", "slack": "tokensweep-slack-b", "webhook": "tokensweep-webhook-b",
		} {
			require.Equal(t, secret, mounted(t, pod.Spec, "/run/secrets/"+folder+"/x").Secret.SecretName)
		}
	}
	require.Equal(t, "tokensweep-okta",
		mounted(t, workload(t, "serve").Spec, "/run/secrets/okta/x").Secret.SecretName)
}

// A secret that is in the build, by a generator or an operator's object, goes by the same name.
func TestASecretInTheBuildIsTheOneThatIsMounted(t *testing.T) {
	files := copyOfDeploy(t)
	files.add(t, "overlays/x", "nameSuffix: -b\nresources: [../dry-run]\nsecretGenerator:\n"+
		"  - {name: tokensweep-okta, namespace: tokensweep, literals: [private-key=none]}")
	var secret string
	for _, manifest := range files.build(t, "overlays/x") {
		if object, err := decode(manifest); err == nil {
			if s, is := object.(*corev1.Secret); is {
				secret = s.Name
			}
		}
	}
	require.Regexp(t, `^tokensweep-okta-b-`, secret)
	w := waysOf(t, decoded(t, files.build(t, "overlays/x")))
	require.Equal(t, secret,
		mounted(t, w.job.Spec.JobTemplate.Spec.Template.Spec, "/run/secrets/okta/private-key").Secret.SecretName)
}

// The example of a second org, by itself and built together with the first.
func TestASecondOrgIsBesideTheFirst(t *testing.T) {
	files := copyOfDeploy(t)
	files.add(t, "overlays/dry-run", componentsLine(components))
	files.add(t, "overlays/both", "resources: [../enforce, ../../examples/second-org]")
	first, second := decoded(t, files.build(t, "overlays/enforce")), decoded(t, files.build(t, "examples/second-org"))
	alone(t, instanceOf(t, first), instanceOf(t, second))
	require.Empty(t, ofKind(second, "Namespace"), "the first one's, which delete -k of the second leaves")
	require.Len(t, ofKind(first, "Namespace"), 1)
	for _, object := range second {
		require.Equal(t, "tokensweep", object.(interface{ GetNamespace() string }).GetNamespace())
	}

	var both []string
	for _, manifest := range files.build(t, "overlays/both") {
		require.Empty(t, admit(manifest), "%s", manifest)
		both = append(both, string(manifest))
	}
	var apart []string
	for _, folder := range []string{"overlays/enforce", "examples/second-org"} {
		for _, manifest := range files.build(t, folder) {
			apart = append(apart, string(manifest))
		}
	}
	require.ElementsMatch(t, apart, both, "built together they are what each is alone")

	settings := named[*corev1.ConfigMap](second, "tokensweep-settings-b")[0].Data
	policy := named[*corev1.ConfigMap](second, "tokensweep-policy-b")[0].Data
	require.Contains(t, policy["policy.yaml"], "org: "+settings["OKTA_CLIENT_ORGURL"]+"\n")
	require.NotContains(t, policy["policy.yaml"], "https://acme.okta.com")
	require.NotEqual(t, settings["OKTA_CLIENT_ORGURL"],
		named[*corev1.ConfigMap](first, "tokensweep-settings")[0].Data["OKTA_CLIENT_ORGURL"])
}
