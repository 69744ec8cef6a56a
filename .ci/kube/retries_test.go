package kube_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/job"
)

// end is how a pod ends: the exit code of its container, and whether the cluster took its node away.
type end struct {
	code    int32
	drained bool
}

// TestAJobIsTriedAgainWhereThatHelps has Kubernetes' own controller carry out the Job of the manifests, by a clock of
// its own, and ends its pods.
func TestAJobIsTriedAgainWhereThatHelps(t *testing.T) {
	type row struct {
		name   string
		ends   []end
		pods   int
		reason string // why the Job failed; "" if it didn't
	}
	rows := []row{
		{"a good end", []end{{code: 0}}, 1, ""},
		{"told to stop, and then a good end", []end{{code: 26}, {code: 0}}, 2, ""},
		{"told to stop twice", []end{{code: 26}, {code: 26}}, 2, batchv1.JobReasonBackoffLimitExceeded},
		{"out of reach, and then a good end", []end{{code: 22}, {code: 0}}, 2, ""},
		{"out of reach twice", []end{{code: 22}, {code: 22}}, 2, batchv1.JobReasonBackoffLimitExceeded},
		{"out of reach, then halted", []end{{code: 22}, {code: 26}}, 2, batchv1.JobReasonBackoffLimitExceeded},
		{"killed, and then a good end", []end{{code: 137}, {code: 0}}, 2, ""},
		{"told to stop, then a person is needed", []end{{code: 26}, {code: 23}}, 2, batchv1.JobReasonPodFailurePolicy},
		{"drained as often as it is", []end{{26, true}, {137, true}, {26, true}, {137, true}, {0, false}}, 5, ""},
		{"drained, and then a person is needed", []end{{26, true}, {20, false}}, 2, batchv1.JobReasonPodFailurePolicy},
	}
	for _, code := range exitCodes(t) {
		if code != 0 && code != 22 && code != 26 {
			rows = append(rows, row{fmt.Sprintf("a person is needed: %d", code), []end{{code: code}}, 1,
				batchv1.JobReasonPodFailurePolicy})
		}
	}
	spec := the[*batchv1.CronJob](t, "enforce", "tokensweep").Spec.JobTemplate.Spec
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pods, reason := carryOut(t, spec, row.ends)
				require.Equal(t, row.pods, pods, "pods")
				require.Equal(t, row.reason, reason)
			})
		})
	}
}

// carryOut has the controller carry out a Job whose pods end as given, and says how many it started, and why it failed.
func carryOut(t *testing.T, spec batchv1.JobSpec, ends []end) (pods int, reason string) {
	t.Helper()
	client := fakeCluster(&pods)
	startController(t, client)
	one, mode := int32(1), batchv1.NonIndexedCompletion // what an API server adds to a Job
	spec.Parallelism, spec.Completions, spec.CompletionMode = &one, &one, &mode
	spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: "1"}}
	spec.Template.Labels[batchv1.ControllerUidLabel] = "1"
	ctx := t.Context()
	_, err := client.BatchV1().Jobs("tokensweep").Create(ctx,
		&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "audit-1", UID: "1"}, Spec: spec}, metav1.CreateOptions{})
	require.NoError(t, err)
	for {
		time.Sleep(time.Minute) // of the bubble: longer than the controller waits before it tries again
		j, err := client.BatchV1().Jobs("tokensweep").Get(ctx, "audit-1", metav1.GetOptions{})
		require.NoError(t, err)
		for _, c := range j.Status.Conditions {
			switch c.Type {
			case batchv1.JobComplete:
				return pods, ""
			case batchv1.JobFailed:
				return pods, c.Reason
			}
		}
		require.LessOrEqual(t, pods, len(ends), "one more than was ended")
		pod, err := client.CoreV1().Pods("tokensweep").Get(ctx, fmt.Sprintf("audit-1-%d", pods), metav1.GetOptions{})
		require.NoError(t, err)
		_, err = client.CoreV1().Pods("tokensweep").UpdateStatus(ctx, ended(pod, ends[pods-1]), metav1.UpdateOptions{})
		require.NoError(t, err)
	}
}

// fakeCluster does with pods what the controller relies on, and what client-go's fake leaves out: it makes their names,
// and gives each of their states a version. It counts them.
func fakeCluster(pods *int) *fake.Clientset {
	client := fake.NewClientset()
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		*pods++
		pod.Name = fmt.Sprintf("%s%d", pod.GenerateName, *pods)
		pod.ResourceVersion = "1"
		return false, nil, nil
	})
	client.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		handled, object, err := clienttesting.ObjectReaction(client.Tracker())(a)
		if err == nil {
			object.(*corev1.Pod).ResourceVersion += "0"
			err = client.Tracker().Update(a.GetResource(), object, a.GetNamespace())
		}
		return handled, object, err
	})
	return client
}

// startController starts Kubernetes' controller of Jobs, until the test ends.
func startController(t *testing.T, client *fake.Clientset) {
	t.Helper()
	ctx, stop := context.WithCancel(klog.NewContext(context.WithoutCancel(t.Context()), logr.Discard()))
	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := job.NewController(ctx, client, factory.Core().V1().Pods(), factory.Batch().V1().Jobs(), nil, nil)
	require.NoError(t, err)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	done := make(chan struct{})
	go func() {
		controller.Run(ctx, 1)
		close(done)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		factory.Shutdown()
	})
}

// ended is a pod whose container has ended.
func ended(pod *corev1.Pod, as end) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.ResourceVersion += "0"
	pod.Status.Phase = corev1.PodFailed
	if as.code == 0 {
		pod.Status.Phase = corev1.PodSucceeded
	}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "tokensweep", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: as.code, FinishedAt: metav1.Now()}}}}
	if as.drained {
		pod.Status.Conditions = append(pod.Status.Conditions,
			corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue})
	}
	return pod
}
