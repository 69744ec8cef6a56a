package kube_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const root = "../.."

// overlays are the ways of running that deploy offers.
var overlays = []string{"dry-run", "enforce", "plan", "serve"}

// components are what deploy offers beside them.
var components = []string{"api-token", "ca", "prometheus", "pushgateway"}

// folders are the names of the folders in one of deploy.
func folders(t *testing.T, of string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "deploy", of))
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// tree is a copy of deploy that a test may change.
type tree struct{ filesys.FileSystem }

func copyOfDeploy(t *testing.T) tree {
	t.Helper()
	files := tree{filesys.MakeFsInMemory()}
	folder := filepath.Join(root, "deploy")
	require.NoError(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return files.WriteFile(filepath.Join("/deploy", strings.TrimPrefix(path, folder)), text)
	}))
	return files
}

// add adds lines to the kustomization of a folder of deploy, or makes it.
func (f tree) add(t *testing.T, folder, lines string) {
	t.Helper()
	file := filepath.Join("/deploy", folder, "kustomization.yaml")
	var was []byte
	if f.Exists(file) {
		var err error
		was, err = f.ReadFile(file)
		require.NoError(t, err)
	}
	require.NoError(t, f.WriteFile(file, append(was, lines+"\n"...)))
}

// build renders a folder of deploy as kubectl apply -k does, a manifest for each object.
func (f tree) build(t *testing.T, folder string) (manifests [][]byte) {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(f, filepath.Join("/deploy", folder))
	require.NoError(t, err, folder)
	for _, r := range rendered.Resources() {
		manifest, err := r.AsYAML()
		require.NoError(t, err)
		manifests = append(manifests, manifest)
	}
	return manifests
}

// render renders an overlay.
func render(t *testing.T, overlay string) [][]byte {
	t.Helper()
	return copyOfDeploy(t).build(t, "overlays/"+overlay)
}

// decoded are manifests as objects; one that an API server would refuse fails the test.
func decoded(t *testing.T, manifests [][]byte) (all []runtime.Object) {
	t.Helper()
	for _, manifest := range manifests {
		require.Empty(t, admit(manifest), "%s", manifest)
		object, err := decode(manifest)
		require.NoError(t, err, "%s", manifest)
		all = append(all, object)
	}
	return all
}

// objects are the decoded objects of an overlay.
func objects(t *testing.T, overlay string) []runtime.Object {
	t.Helper()
	return decoded(t, render(t, overlay))
}

// named are the objects of a type whose name begins with name.
func named[T runtime.Object](all []runtime.Object, name string) (found []T) {
	for _, object := range all {
		o, ok := object.(T)
		if n, is := object.(interface{ GetName() string }); ok && is && strings.HasPrefix(n.GetName(), name) {
			found = append(found, o)
		}
	}
	return found
}

// the returns the only object of a type in an overlay whose name begins with name.
func the[T runtime.Object](t *testing.T, overlay, name string) T {
	t.Helper()
	found := named[T](objects(t, overlay), name)
	require.Len(t, found, 1, "%s in %s", name, overlay)
	return found[0]
}

// ways are the two ways of running: the objects that start pods.
type ways struct {
	job   *batchv1.CronJob
	serve *appsv1.Deployment
}

// waysOf are those of an installation, which has one of each.
func waysOf(t *testing.T, all []runtime.Object) ways {
	t.Helper()
	jobs, deployments := named[*batchv1.CronJob](all, ""), named[*appsv1.Deployment](all, "")
	require.Len(t, jobs, 1)
	require.Len(t, deployments, 1)
	return ways{jobs[0], deployments[0]}
}

// on says which of them start pods by themselves.
func (w ways) on() (job, serve bool) {
	return w.job.Spec.Suspend == nil || !*w.job.Spec.Suspend, *w.serve.Spec.Replicas > 0
}

// pods are the templates of their pods.
func (w ways) pods() []*corev1.PodTemplateSpec {
	return []*corev1.PodTemplateSpec{&w.job.Spec.JobTemplate.Spec.Template, &w.serve.Spec.Template}
}

// workload is the pod that an overlay is for.
func workload(t *testing.T, overlay string) *corev1.PodTemplateSpec {
	t.Helper()
	pods := waysOf(t, objects(t, overlay)).pods()
	template := pods[0]
	if overlay == "serve" {
		template = pods[1]
	}
	require.Len(t, template.Spec.Containers, 1)
	return template
}
