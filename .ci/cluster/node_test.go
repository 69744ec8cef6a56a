package cluster_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"
)

const nodeName = "node-1"

// node plays the scheduler and the kubelet. It knows what the manifests use and no more: pods with one container, which
// wait until nobody else has their claim and what they mount is there.
type node struct {
	client   kubernetes.Interface
	programs string
	dir      string // has a folder for each claim: the root of whichever pod has it
	problems func(format string, args ...any)

	mu      sync.Mutex
	pods    map[types.UID]*pod
	late    lateness
	started int
}

// lateness is how far pods get.
type lateness int

const (
	onTime      lateness = iota
	pulling              // on the node, but their image is not there yet
	unscheduled          // no node has room, or their volume
)

// startNode joins a node to the cluster.
func startNode(t *testing.T, c *cluster) *node {
	t.Helper()
	n := &node{client: c.client, programs: c.programs, dir: c.file("node"),
		problems: t.Errorf, pods: make(map[types.UID]*pod)}
	server := httptest.NewTLSServer(n.kubelet())
	t.Cleanup(server.Close)
	var port int32
	_, err := fmt.Sscanf(server.Listener.Addr().String(), "127.0.0.1:%d", &port)
	require.NoError(t, err)
	object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	object, err = c.client.CoreV1().Nodes().Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err)
	object.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}
	object.Status.DaemonEndpoints.KubeletEndpoint.Port = port
	_, err = c.client.CoreV1().Nodes().UpdateStatus(t.Context(), object, metav1.UpdateOptions{})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	factory := informers.NewSharedInformerFactory(c.client, time.Second) // what waits is looked at again
	look := func(o any) { n.look(ctx, o.(*corev1.Pod)) }
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: look, UpdateFunc: func(_, o any) { look(o) }})
	require.NoError(t, err)
	_, err = factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		DeleteFunc: func(o any) { // and with a claim goes its volume, as most storage classes say
			if o, ok := o.(*corev1.PersistentVolumeClaim); ok {
				n.check(os.RemoveAll(filepath.Join(n.dir, o.Namespace, o.Name)))
			}
		}})
	require.NoError(t, err)
	factory.Start(ctx.Done())
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
		for _, p := range n.all() {
			p.stop(0)
		}
	})
	return n
}

// all are the pods that were started.
func (n *node) all() (list []*pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pods {
		list = append(list, p)
	}
	return list
}

// find returns a pod by its name, nil if it was not started; of two of one name, the one that is not over.
func (n *node) find(namespace, name string) (found *pod) {
	for _, p := range n.all() {
		if p.object.Namespace == namespace && p.object.Name == name && (found == nil || found.over()) {
			found = p
		}
	}
	return found
}

// hold says how far pods get from now on.
func (n *node) hold(late lateness) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.late = late
}

// look brings a pod one step further: onto the node, into its container, to its end.
func (n *node) look(ctx context.Context, o *corev1.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pods[o.UID]
	switch {
	case o.DeletionTimestamp != nil && p != nil && !p.over():
		go p.stop(time.Duration(*o.DeletionGracePeriodSeconds) * time.Second)
	case o.DeletionTimestamp != nil:
		n.check(n.client.CoreV1().Pods(o.Namespace).Delete(ctx, o.Name, metav1.DeleteOptions{
			GracePeriodSeconds: new(int64), Preconditions: &metav1.Preconditions{UID: &o.UID}}))
	case p != nil || o.Status.Phase != corev1.PodPending:
	case o.Spec.NodeName == "" && (n.late == unscheduled || n.taken(o)):
	case o.Spec.NodeName == "":
		n.check(n.client.CoreV1().Pods(o.Namespace).Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: o.Name, UID: o.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: nodeName}}, metav1.CreateOptions{}))
	case n.taken(o): // bound at the same moment as another
	case n.late == pulling:
		n.report(ctx, o, waiting("ContainerCreating", ""))
	default:
		n.run(ctx, o)
	}
}

// taken says whether a claim of the pod is another's.
func (n *node) taken(o *corev1.Pod) bool {
	for _, other := range n.pods {
		if !other.over() && other.object.Namespace == o.Namespace && claim(other.object) == claim(o) {
			return true
		}
	}
	return false
}

// claim is the claim that a pod mounts.
func claim(o *corev1.Pod) string {
	for _, v := range o.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// run starts the container of a pod, if all that it mounts is there.
func (n *node) run(ctx context.Context, o *corev1.Pod) {
	n.started++
	p := &pod{object: o, root: filepath.Join(n.dir, o.Namespace, claim(o)), done: make(chan struct{}),
		log: filepath.Join(n.dir, string(o.UID)+".log"),
		ip:  fmt.Sprintf("127.0.%d.%d", 1+n.started/250, 1+n.started%250)}
	if missing := p.mount(ctx, n.client); missing != nil {
		n.report(ctx, o, waiting("CreateContainerConfigError", missing.Error()))
		return
	}
	if err := p.start(n.programs); err != nil {
		n.problems("starting %s: %v", o.Name, err)
		return
	}
	n.pods[o.UID] = p
	n.report(ctx, o, p.running(false))
	go func() {
		if p.ready(ctx) {
			n.report(ctx, o, p.running(true))
		}
		<-p.done
		n.report(ctx, o, p.terminated())
	}()
}

// report writes the status of a pod.
func (n *node) report(ctx context.Context, o *corev1.Pod, status corev1.PodStatus) {
	if len(status.ContainerStatuses) > 0 && len(o.Status.ContainerStatuses) > 0 &&
		status.ContainerStatuses[0].State.Waiting != nil && o.Status.ContainerStatuses[0].State.Waiting != nil &&
		*status.ContainerStatuses[0].State.Waiting == *o.Status.ContainerStatuses[0].State.Waiting {
		return // as it was
	}
	n.check(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		have, err := n.client.CoreV1().Pods(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
		if err != nil || have.UID != o.UID {
			return err
		}
		was := have.Status
		have.Status = status
		have.Status.QOSClass, have.Status.HostIP, have.Status.StartTime = was.QOSClass, "127.0.0.1", was.StartTime
		for _, c := range was.Conditions { // those of others, such as PodScheduled and DisruptionTarget
			if c.Type != corev1.PodReady && c.Type != corev1.ContainersReady {
				have.Status.Conditions = append(have.Status.Conditions, c)
			}
		}
		for i := range have.Status.ContainerStatuses {
			c := &have.Status.ContainerStatuses[i]
			c.Name, c.Image, c.ImageID = o.Spec.Containers[0].Name, o.Spec.Containers[0].Image, "test://image"
		}
		_, err = n.client.CoreV1().Pods(o.Namespace).UpdateStatus(ctx, have, metav1.UpdateOptions{})
		return err
	}))
}

// check complains of what the API server refused; what is gone, and a test that is over, are no reason to.
func (n *node) check(err error) {
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) &&
		!strings.Contains(err.Error(), context.Canceled.Error()) {
		n.problems("the node: %v", err)
	}
}

// waiting is the status of a pod whose container can't start yet.
func waiting(reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}}
}
