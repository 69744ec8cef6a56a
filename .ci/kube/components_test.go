package kube_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// workloadWith is the pod of an overlay to which a component was added, as its first lines say.
func workloadWith(t *testing.T, overlay, component string) *corev1.PodTemplateSpec {
	t.Helper()
	tree := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(tree, "deploy"), os.DirFS(filepath.Join(root, "deploy"))))
	kustomization := filepath.Join(tree, "deploy/components", component, "kustomization.yaml")
	said, err := os.ReadFile(kustomization)
	require.NoError(t, err)
	line := "components: [../../components/" + component + "]"
	require.Contains(t, string(said), "add to the overlay: "+line)
	file := filepath.Join(tree, "deploy/overlays", overlay, "kustomization.yaml")
	was, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(was, line+"\n"...), 0o600))
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Dir(file))
	require.NoError(t, err)
	for _, r := range rendered.Resources() {
		manifest, err := r.AsYAML()
		require.NoError(t, err)
		require.Empty(t, admit(manifest), "%s", manifest)
		object, err := decode(manifest)
		require.NoError(t, err)
		if template := podTemplate(object); template != nil {
			return template
		}
	}
	require.Fail(t, "nothing in "+overlay+" starts a pod")
	return nil
}

// An authority of one's own is mounted, and named to the program, beside all that was there.
func TestAnAuthorityOfOnesOwnIsTrustedInEachOverlay(t *testing.T) {
	for _, overlay := range overlays {
		plain, pod := workload(t, overlay), workloadWith(t, overlay, "ca")
		c := &pod.Spec.Containers[0]
		file := ""
		for _, e := range c.Env {
			if e.Name == "SSL_CERT_FILE" {
				file = e.Value
			}
		}
		require.True(t, strings.HasSuffix(file, "/ca.pem"), "%s: %q", overlay, file)
		require.Equal(t, "tokensweep-ca", mounted(t, pod.Spec, file).ConfigMap.Name)
		require.Len(t, pod.Spec.Volumes, len(plain.Spec.Volumes)+1)
		require.Len(t, c.VolumeMounts, len(plain.Spec.Containers[0].VolumeMounts)+1)
		require.Len(t, c.Env, len(plain.Spec.Containers[0].Env)+1)
		require.Equal(t, plain.Spec.Containers[0].Args, c.Args)
	}
}
