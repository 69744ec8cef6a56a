package kube_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// What an API server drops or writes otherwise is a change at each apply, and in each diff.
func TestAnAPIServerKeepsWhatIsAppliedAsItIs(t *testing.T) {
	for _, overlay := range overlays {
		files := copyOfDeploy(t)
		files.add(t, "overlays/dry-run", componentsLine(components))
		for _, manifest := range files.build(t, "overlays/"+overlay) {
			require.Empty(t, lost(t, manifest), "%s: %s", overlay, manifest)
		}
	}
}

func TestWhatAnAPIServerDropsOrWritesOtherwiseIsFound(t *testing.T) {
	for _, row := range []struct{ name, kind, old, new, lost string }{
		{"an empty list", "NetworkPolicy", "  podSelector:", "  ingress: []\n  podSelector:", "spec.ingress"},
		{"an empty map", "CronJob", "\nspec:\n", "\n  annotations: {}\nspec:\n", "metadata.annotations"},
		{"an empty text", "ServiceAccount", "  name: tokensweep", "  generateName: \"\"\n  name: tokensweep",
			"metadata.generateName"},
		{"a quantity in another form", "CronJob", "memory: 256Mi", "memory: 0.25Gi",
			"spec.jobTemplate.spec.template.spec.containers.0.resources.limits.memory"},
	} {
		require.Contains(t, lost(t, breakOne(t, "dry-run", row.kind, row.old, row.new)), row.lost, row.name)
	}
}

// lost are the places of a manifest that an API server's answer does not have alike.
func lost(t *testing.T, manifest []byte) (places []string) {
	t.Helper()
	var applied, kept any
	require.NoError(t, yaml.Unmarshal(manifest, &applied))
	object, err := decode(manifest)
	require.NoError(t, err, "%s", manifest)
	answer, err := json.Marshal(object)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(answer, &kept))
	compare("", applied, kept, &places)
	return places
}

func compare(at string, applied, kept any, places *[]string) {
	under := func(key string) string {
		if at == "" {
			return key
		}
		return at + "." + key
	}
	switch a := applied.(type) {
	case map[string]any:
		k, _ := kept.(map[string]any)
		if k == nil || len(a) == 0 {
			*places = append(*places, at)
		}
		for key, value := range a {
			compare(under(key), value, k[key], places)
		}
	case []any:
		k, _ := kept.([]any)
		if len(k) != len(a) || len(a) == 0 {
			*places = append(*places, at)
			return
		}
		for i, value := range a {
			compare(under(fmt.Sprint(i)), value, k[i], places)
		}
	default:
		if applied != kept || applied == "" || applied == nil {
			*places = append(*places, at)
		}
	}
}
