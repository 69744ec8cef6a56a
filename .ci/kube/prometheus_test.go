package kube_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestThePodMonitorAsksServesPodForMetrics(t *testing.T) {
	all := with(t, "serve", "prometheus")
	monitor := ofKind(all, "PodMonitor")[0].(*unstructured.Unstructured).Object
	w := waysOf(t, all)
	labels, _, err := unstructured.NestedStringMap(monitor, "spec", "selector", "matchLabels")
	require.NoError(t, err)
	require.True(t, selects(labels, w.serve.Spec.Template.Labels))
	require.False(t, selects(labels, w.job.Spec.JobTemplate.Spec.Template.Labels), "nobody listens in a run")
	endpoints, _, err := unstructured.NestedSlice(monitor, "spec", "podMetricsEndpoints")
	require.NoError(t, err)
	require.Len(t, endpoints, 1)
	require.Equal(t, w.serve.Spec.Template.Spec.Containers[0].Ports[0].Name, endpoints[0].(map[string]any)["port"])
}

// TestTheOperatorsDefinitionsRefuseWhatWasBroken breaks one thing at a time.
func TestTheOperatorsDefinitionsRefuseWhatWasBroken(t *testing.T) {
	files := copyOfDeploy(t)
	files.add(t, "overlays/serve", componentsLine([]string{"prometheus"}))
	for _, row := range []struct{ name, kind, old, new, complaint string }{
		{"a field that doesn't exist", "PodMonitor", "podMetricsEndpoints:", "podMetricEndpoints:",
			`unknown field "spec.podMetricEndpoints"`},
		{"no selector", "PodMonitor", "selector:", "selectors:", "spec.selector: Required value"},
		{"a number for a name", "PodMonitor", "port: metrics", "port: 9090", "must be of type string"},
		{"a group without a name", "PrometheusRule", "name: tokensweep\n    rules:", "rules:", "name: Required value"},
		{"a duration that is none", "PrometheusRule", "for: 1h", "for: soon", "for: Invalid value"},
		{"a rule without an expression", "PrometheusRule", "expr: absent", "exp: absent", "expr: Required value"},
		{"a kind that isn't one", "PrometheusRule", "kind: PrometheusRule", "kind: PrometheusRules",
			"no definition of PrometheusRules"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, manifest := range files.build(t, "overlays/serve") {
				if !strings.Contains(string(manifest), "\nkind: "+row.kind+"\n") {
					continue
				}
				require.Contains(t, string(manifest), row.old, "there is nothing to break")
				broken := strings.Replace(string(manifest), row.old, row.new, 1)
				require.Contains(t, strings.Join(admit([]byte(broken)), "\n"), row.complaint)
				return
			}
			require.Fail(t, "no "+row.kind)
		})
	}
}
