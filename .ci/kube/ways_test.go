package kube_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"sigs.k8s.io/yaml"
)

// running is what starts pods by itself in each overlay. plan waits until it is told to.
var running = map[string]struct{ job, serve bool }{
	"dry-run": {job: true}, "enforce": {job: true}, "plan": {}, "serve": {serve: true},
}

// kubectl apply leaves alone what an overlay doesn't name. So each names all that any of them has.
func TestEachOverlayHasTheSameObjects(t *testing.T) {
	ids := func(overlay string) (ids []string) {
		for _, object := range objects(t, overlay) {
			id := object.(interface{ GetName() string }).GetName()
			ids = append(ids, object.GetObjectKind().GroupVersionKind().String()+" "+id)
		}
		return ids
	}
	for _, overlay := range overlays {
		require.Equal(t, ids("dry-run"), ids(overlay), overlay)
	}
}

func TestWhicheverOverlayWasAppliedLastNothingElseRuns(t *testing.T) {
	for _, before := range overlays {
		for _, after := range overlays {
			w := applied(t, before, after)
			job, serve := w.on()
			require.Equal(t, running[after].job, job, "the CronJob of %s after %s", after, before)
			require.Equal(t, running[after].serve, serve, "the Deployment of %s after %s", after, before)
			wanted := waysOf(t, objects(t, after))
			require.Equal(t, wanted.job.Spec, w.job.Spec, "%s after %s", after, before)
			require.Equal(t, wanted.serve.Spec, w.serve.Spec, "%s after %s", after, before)
		}
	}
}

// A run by hand would enforce too, where a CronJob or Deployment that is off does.
func TestWhatIsOffInServeAndDryRunDoesNotEnforce(t *testing.T) {
	for _, overlay := range overlays {
		w := waysOf(t, objects(t, overlay))
		require.NotContains(t, w.serve.Spec.Template.Spec.Containers[0].Args, "--enforce", overlay)
		if job, _ := w.on(); !job && overlay != "plan" {
			require.NotContains(t, w.job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args, "--enforce", overlay)
		}
	}
}

// A suspension by hand is nobody's but the person's: applying the same overlay again leaves it.
func TestASuspensionByHandOutlivesTheApplyingOfTheSameOverlay(t *testing.T) {
	for _, overlay := range []string{"dry-run", "enforce"} {
		manifest := manifestOf(t, overlay, "CronJob")
		live, err := decode(manifest)
		require.NoError(t, err)
		suspended := true
		live.(*batchv1.CronJob).Spec.Suspend = &suspended
		require.True(t, *apply(t, manifest, manifest, live).(*batchv1.CronJob).Spec.Suspend, overlay)
	}
}

// applied is what a cluster has after one overlay and then another.
func applied(t *testing.T, before, after string) (w ways) {
	t.Helper()
	for kind, set := range map[string]func(runtime.Object){
		"CronJob":    func(o runtime.Object) { w.job = o.(*batchv1.CronJob) },
		"Deployment": func(o runtime.Object) { w.serve = o.(*appsv1.Deployment) },
	} {
		was := manifestOf(t, before, kind)
		live, err := decode(was)
		require.NoError(t, err)
		set(apply(t, was, manifestOf(t, after, kind), live))
	}
	return w
}

// apply does as kubectl apply does: what was applied before and is no longer there is taken away from what is live.
func apply(t *testing.T, before, after []byte, live runtime.Object) runtime.Object {
	t.Helper()
	was, err := yaml.YAMLToJSON(before)
	require.NoError(t, err)
	wanted, err := yaml.YAMLToJSON(after)
	require.NoError(t, err)
	is, err := json.Marshal(live)
	require.NoError(t, err)
	meta, err := strategicpatch.NewPatchMetaFromStruct(live)
	require.NoError(t, err)
	patch, err := strategicpatch.CreateThreeWayMergePatch(was, wanted, is, meta, true)
	require.NoError(t, err)
	merged, err := strategicpatch.StrategicMergePatch(is, patch, live)
	require.NoError(t, err)
	object, err := decode(merged)
	require.NoError(t, err)
	legacyscheme.Scheme.Default(object)
	return object
}
