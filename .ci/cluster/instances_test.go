package cluster_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTwoInstancesInOneNamespaceKeepApart has serve of two orgs in one namespace. What is done to one is done to that
// one: exec and selectors reach its pod, with its claim, its secret and its org.
func TestTwoInstancesInOneNamespaceKeepApart(t *testing.T) {
	s := newStage(t, startCluster(t))
	s.replace(t, "deploy/examples", "resources: [../../overlays/dry-run]", "resources: [../../overlays/serve]")
	s.install(t, "serve")
	s.run(t, "kubectl apply -k deploy/examples/second-org")
	s.run(t, "kubectl -n tokensweep create secret generic tokensweep-okta-b --from-file=private-key=okta-key-b.pem")
	s.available(t, "tokensweep")
	s.available(t, "tokensweep-b")
	require.Len(t, s.running(t), 2)

	const halt = "kubectl -n tokensweep exec deploy/tokensweep-b -- /tokensweep halt --reason migration"
	require.Contains(t, s.run(t, halt), "halted")
	require.Contains(t, s.remembered(t, "tokensweep-state-b"), "migration")
	require.NotContains(t, s.remembered(t, "tokensweep-state"), "migration", "the other org's brake is not pulled")
	for name, org := range map[string]string{"tokensweep": s.org.URL(), "tokensweep-b": s.another.URL()} {
		pods := s.run(t, "kubectl -n tokensweep get pods -o name -l app.kubernetes.io/instance="+name)
		require.Len(t, strings.Fields(pods), 1, name)
		p := s.node.find(namespace, strings.TrimPrefix(strings.TrimSpace(pods), "pod/"))
		require.Contains(t, strings.Join(p.env, "\n"), org, "deploy/%s has the pod of its org", name)
		secrets := s.run(t, "kubectl -n tokensweep get deploy "+name+" -o jsonpath='{.spec.template.spec.volumes[*]"+
			".secret.secretName}'")
		for secret := range strings.FieldsSeq(secrets) {
			require.Equal(t, strings.HasSuffix(name, "-b"), strings.HasSuffix(secret, "-b"), "%s mounts %s", name,
				secret)
		}
	}

	s.run(t, "kubectl apply -k deploy/overlays/dry-run") // of the first one
	s.audit(t, "tokensweep", "audit-1")
	require.Len(t, s.running(t), 1, "the second one serves on")
	s.available(t, "tokensweep-b")
	s.run(t, "kubectl delete -k deploy/examples/second-org")
	s.audit(t, "tokensweep", "audit-2")
}
