package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// overlays are the ways of running, as they are in deploy.
func overlays(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "deploy/overlays"))
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Greater(t, len(names), 3)
	return names
}

// TestEachOverlayIsTakenAsItIs applies each twice, without components and with them. The second time nothing changes,
// there is no difference, and the server's own dry run agrees.
func TestEachOverlayIsTakenAsItIs(t *testing.T) {
	s := newStage(t, startCluster(t))
	folders := []string{"deploy/examples/second-org"}
	for _, overlay := range overlays(t) {
		folders = append(folders, "deploy/overlays/"+overlay)
	}
	s.takes(t, folders)
	// But for that of Prometheus, whose kinds an API server knows only where its operator is.
	const all = "deploy/overlays/dry-run"
	s.replace(t, all, "# components:", "components:")
	for _, component := range []string{"api-token", "ca", "pushgateway"} {
		s.replace(t, all, "# - ../../components/"+component, "- ../../components/"+component)
	}
	s.takes(t, folders)
}

// takes applies manifests twice.
func (s *stage) takes(t *testing.T, folders []string) {
	t.Helper()
	for _, folder := range folders {
		if strings.HasPrefix(folder, "deploy/examples/") {
			s.run(t, "kubectl create namespace tokensweep") // which is that of the first org
		}
		first := s.run(t, "kubectl apply -k "+folder)
		require.NotContains(t, first, "Warning", first)
		for _, again := range []string{"kubectl apply -k " + folder, "kubectl apply --dry-run=server -k " + folder} {
			for line := range strings.Lines(s.run(t, again)) {
				require.Regexp(t, ` unchanged( \(server dry run\))?\n$`, line, again)
			}
		}
		require.Empty(t, s.run(t, "kubectl diff -k "+folder)) // exits 1 where there is a difference
		s.run(t, "kubectl apply --server-side --force-conflicts --dry-run=server -k "+folder)
		s.run(t, "kubectl delete namespace tokensweep")
	}
}

// starts is what starts pods by itself: CronJobs that are not suspended, and Deployments that want pods. Those of an
// enforcing overlay have the second key.
func (s *stage) starts(t *testing.T) (names []string) {
	t.Helper()
	jobs, err := s.client.BatchV1().CronJobs("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, c := range jobs.Items {
		if c.Spec.Suspend == nil || !*c.Spec.Suspend {
			pod := c.Spec.JobTemplate.Spec.Template.Spec
			names = append(names, "CronJob "+strings.Join(pod.Containers[0].Args, " "))
		}
	}
	deployments, err := s.client.AppsV1().Deployments("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, d := range deployments.Items {
		if d.Spec.Replicas == nil || *d.Spec.Replicas > 0 {
			names = append(names, "Deployment "+strings.Join(d.Spec.Template.Spec.Containers[0].Args, " "))
		}
	}
	return names
}

// TestChangingFromOneOverlayToAnyOtherStopsTheFirst changes between each two, both ways: what runs afterwards is what
// runs where only the second one was ever applied.
func TestChangingFromOneOverlayToAnyOtherStopsTheFirst(t *testing.T) {
	s := newStage(t, startCluster(t))
	alone := make(map[string][]string)
	for _, overlay := range overlays(t) {
		s.run(t, "kubectl apply -k deploy/overlays/"+overlay)
		alone[overlay] = s.starts(t)
		require.LessOrEqual(t, len(alone[overlay]), 1, "%s starts more than one thing", overlay)
		s.run(t, "kubectl delete namespace tokensweep")
	}
	require.NotEqual(t, alone["dry-run"], alone["enforce"])
	require.NotEqual(t, alone["dry-run"], alone["serve"])
	changes := 0
	for _, from := range overlays(t) {
		for _, to := range overlays(t) {
			if from == to {
				continue
			}
			changes++
			for _, overlay := range []string{from, to} {
				s.run(t, "kubectl apply -k deploy/overlays/"+overlay)
				require.Equal(t, alone[overlay], s.starts(t), "from %s to %s: %s", from, to, overlay)
				require.Empty(t, s.run(t, "kubectl diff -k deploy/overlays/"+overlay), "from %s to %s", from, to)
			}
		}
		s.run(t, "kubectl delete namespace tokensweep")
	}
	t.Logf("%d changes of overlays", changes)
}

// TestThePodOfServeEndsWhereAnotherOverlayIsApplied shows it by a pod: it ends in order, and a run has the claim.
func TestThePodOfServeEndsWhereAnotherOverlayIsApplied(t *testing.T) {
	s := newStage(t, startCluster(t))
	s.install(t, "serve")
	s.available(t, "tokensweep")
	serving := s.running(t)
	require.Len(t, serving, 1)
	s.run(t, "kubectl apply -k deploy/overlays/dry-run")
	s.audit(t, "tokensweep", "audit-1") // which waits for the claim
	require.NotContains(t, s.running(t), serving[0])
	s.run(t, "kubectl apply -k deploy/overlays/serve")
	s.available(t, "tokensweep")
	require.NotEqual(t, serving, s.running(t))
}

// TestAClaimsAccessModeCannotBeChanged is why the paper has it deleted.
func TestAClaimsAccessModeCannotBeChanged(t *testing.T) {
	s := newStage(t, startCluster(t))
	s.install(t, "dry-run")
	s.replace(t, "deploy/base", "ReadWriteOncePod]", "ReadWriteOnce]")
	a := s.shell(t, s.tree, "kubectl", "kubectl apply -k deploy/overlays/dry-run")
	require.NotZero(t, a.code)
	require.Contains(t, a.out, "spec is immutable after creation")
}
