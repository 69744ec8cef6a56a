package cluster_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tokensweep/okta/oktatest"
)

const (
	namespace = "tokensweep"
	scopes    = "okta.apiTokens.manage okta.users.read okta.roles.read okta.networkZones.read"
)

// idle is the token that the example policy finds.
var idle = oktatest.TokenID(2)

// stage is a user's clone, two orgs and a cluster.
type stage struct {
	*cluster
	tree         string
	org, another *oktatest.Server
	kubectl      string // which of those there are
}

// newStage makes two orgs and a clone whose files name them, as the paper says in its first steps.
func newStage(t *testing.T, c *cluster) *stage {
	t.Helper()
	s := &stage{cluster: c, tree: t.TempDir(), kubectl: "kubectl"}
	s.org = s.startOrg(t, "0oa1f3w86v9h8o1VZ1d7", "okta-key.pem")
	s.another = s.startOrg(t, "0oa2g4x97w0i9p2WA2e8", "okta-key-b.pem")
	require.NoError(t, os.CopyFS(filepath.Join(s.tree, "deploy"), os.DirFS(filepath.Join(root, "deploy"))))
	s.replace(t, "deploy", "https://acme.okta.com", s.org.URL())
	s.replace(t, "deploy", "https://acme-b.okta.com", s.another.URL())
	require.NoError(t, os.WriteFile(filepath.Join(s.tree, "okta-token"), []byte("secret"), 0o600))
	return s
}

// startOrg starts an org with a service app, whose private key is in a file of the clone.
func (s *stage) startOrg(t *testing.T, clientID, key string) *oktatest.Server {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	tokens := []oktatest.Token{{ID: oktatest.TokenID(1), Name: "own", UserID: oktatest.UserID(1),
		Created: now.AddDate(-1, 0, 0), LastUsed: now}, {ID: idle, Name: "idle", UserID: oktatest.UserID(2),
		Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -25)}}
	for n := range 8 { // else one of two would be more than stopAbove allows
		tokens = append(tokens, oktatest.Token{ID: oktatest.TokenID(3 + n), Name: "used", UserID: oktatest.UserID(2),
			Created: now.AddDate(-1, 0, 0), LastUsed: now.AddDate(0, 0, -1)})
	}
	public := writeKey(t, filepath.Join(s.tree, key)).Public()
	org := oktatest.Start(oktatest.Config{Credential: "secret", Me: oktatest.UserID(1), OwnToken: oktatest.TokenID(1),
		Tokens: tokens, Zones: []oktatest.Zone{{ID: "nzo1a2b3c4d5e6f7g8h9", Name: "nobody"}},
		OAuth: oktatest.OAuth{Apps: []oktatest.App{{ClientID: clientID, Scopes: strings.Fields(scopes), DPoP: true,
			Keys: []oktatest.AppKey{{Public: public}}}}}})
	t.Cleanup(org.Close)
	return org
}

// replace replaces a text in all files below a folder of the clone. It must be there.
func (s *stage) replace(t *testing.T, folder, old, replacement string) {
	t.Helper()
	n := 0
	files := filepath.Join(s.tree, folder)
	require.NoError(t, filepath.WalkDir(files, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(raw), old) {
			return err
		}
		n++
		return os.WriteFile(file, []byte(strings.ReplaceAll(string(raw), old, replacement)), 0o600)
	}))
	require.NotZero(t, n, "no file below %s has %q", folder, old)
}

// run runs a command in the clone; it has to succeed.
func (s *stage) run(t *testing.T, line string) string {
	t.Helper()
	a := s.shell(t, s.tree, s.kubectl, line)
	require.Zero(t, a.code, "%s\n%s", line, a.out)
	return a.out
}

// install brings an overlay and the credential into the cluster.
func (s *stage) install(t *testing.T, overlay string) {
	t.Helper()
	s.run(t, "kubectl apply -k deploy/overlays/"+overlay)
	s.run(t, secret)
}

// eventually waits until something that the cluster does by itself is true.
func eventually(t *testing.T, condition func() bool, what ...any) {
	t.Helper()
	require.Eventually(t, condition, 2*time.Minute, 100*time.Millisecond, what...)
}

// ended waits until a Job is over and returns its pods, the oldest first, and whether it is complete.
func (s *stage) ended(t *testing.T, name string) (pods []corev1.Pod, complete bool) {
	t.Helper()
	eventually(t, func() bool {
		job, err := s.client.BatchV1().Jobs(namespace).Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		for _, c := range job.Status.Conditions {
			if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
				complete = c.Type == batchv1.JobComplete
				return true
			}
		}
		return false
	}, name)
	list, err := s.client.CoreV1().Pods(namespace).List(t.Context(),
		metav1.ListOptions{LabelSelector: "job-name=" + name})
	require.NoError(t, err)
	return list.Items, complete
}

// complete waits until a Job has ended well.
func (s *stage) complete(t *testing.T, name string) {
	t.Helper()
	pods, complete := s.ended(t, name)
	require.True(t, complete, "%v", pods)
}

// audit makes a run by hand, which has to end well, and returns its log.
func (s *stage) audit(t *testing.T, cronJob, name string) string {
	t.Helper()
	s.run(t, "kubectl -n tokensweep create job --from=cronjob/"+cronJob+" "+name)
	_, complete := s.ended(t, name)
	log := s.run(t, "kubectl -n tokensweep logs job/"+name)
	require.True(t, complete, "%s", log)
	return log
}

// available waits until a Deployment has its pod.
func (s *stage) available(t *testing.T, name string) {
	t.Helper()
	eventually(t, func() bool {
		d, err := s.client.AppsV1().Deployments(namespace).Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		return d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == 1
	}, name)
}

// running are the names of the pods that run, but for those that were told to end.
func (s *stage) running(t *testing.T) (names []string) {
	t.Helper()
	list, err := s.client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, p := range list.Items {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// suspended says whether the CronJob starts no runs.
func (s *stage) suspended(t *testing.T) bool {
	t.Helper()
	c, err := s.client.BatchV1().CronJobs(namespace).Get(t.Context(), "tokensweep", metav1.GetOptions{})
	require.NoError(t, err)
	return *c.Spec.Suspend
}

// remembered is the text of the ledger in a claim, "" if there is none.
func (s *stage) remembered(t *testing.T, claim string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.node.dir, namespace, claim, "var/lib/tokensweep/state/ledger.jsonl"))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return string(raw)
}

// busy holds the next listing of the org until the returned function is called.
func (s *stage) busy(t *testing.T) (release func()) {
	t.Helper()
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release) // before the org is closed
	s.org.Fault(oktatest.Fault{Method: "GET", Path: "/api/v1/api-tokens", Times: 1, Then: func() { <-held }})
	s.org.ResetRequests()
	return release
}
