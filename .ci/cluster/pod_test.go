package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// pod is a pod whose container was started: a process whose root is the folder of its claim, as the user and with the
// environment that its manifest says.
type pod struct {
	object        *corev1.Pod
	root, log, ip string
	env           []string
	cmd           *exec.Cmd
	done          chan struct{}
	stopped       atomic.Bool
}

func (p *pod) container() *corev1.Container { return &p.object.Spec.Containers[0] }

// over says whether the container has ended.
func (p *pod) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// mount puts into the pod's root what its volumes hold, and reads its environment. What is missing is an error.
func (p *pod) mount(ctx context.Context, client kubernetes.Interface) error {
	for _, gone := range []string{"etc", "run", "dev"} {
		if err := os.RemoveAll(filepath.Join(p.root, gone)); err != nil {
			return err
		}
	}
	for _, m := range p.container().VolumeMounts {
		for _, v := range p.object.Spec.Volumes {
			if v.Name != m.Name {
				continue
			}
			files, err := contents(ctx, client, p.object.Namespace, v.VolumeSource)
			if err != nil {
				return err
			}
			if err := write(filepath.Join(p.root, m.MountPath), files, v.PersistentVolumeClaim != nil); err != nil {
				return err
			}
		}
	}
	if err := write(filepath.Join(p.root, "dev"), map[string]string{"termination-log": ""}, true); err != nil {
		return err
	}
	for _, from := range p.container().EnvFrom {
		settings, err := client.CoreV1().ConfigMaps(p.object.Namespace).Get(ctx, from.ConfigMapRef.Name,
			metav1.GetOptions{})
		if err != nil {
			return err
		}
		for name, value := range settings.Data {
			p.env = append(p.env, name+"="+value)
		}
	}
	for _, e := range p.container().Env {
		p.env = append(p.env, e.Name+"="+e.Value)
	}
	return nil
}

// contents are the files of a volume.
func contents(ctx context.Context, client kubernetes.Interface, namespace string, v corev1.VolumeSource) (
	files map[string]string, err error) {
	files = make(map[string]string)
	switch {
	case v.ConfigMap != nil:
		object, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, v.ConfigMap.Name, metav1.GetOptions{})
		return object.Data, unless(v.ConfigMap.Optional, err)
	case v.Secret != nil:
		object, err := client.CoreV1().Secrets(namespace).Get(ctx, v.Secret.SecretName, metav1.GetOptions{})
		for name, value := range object.Data {
			files[name] = string(value)
		}
		return files, unless(v.Secret.Optional, err)
	case v.PersistentVolumeClaim != nil:
		_, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, v.PersistentVolumeClaim.ClaimName,
			metav1.GetOptions{})
		return nil, err
	}
	return nil, fmt.Errorf("nobody mounts a volume like %s: add it here", v.String())
}

// unless is err, unless what is missing is optional.
func unless(optional *bool, err error) error {
	if optional != nil && *optional {
		return nil
	}
	return err
}

// group is what pods run as, by the manifests' fsGroup.
const group = 65532

// write writes files into a folder, which the pod may read or also write.
func write(folder string, files map[string]string, writable bool) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var errs []error
	for name, text := range files {
		file := filepath.Join(folder, name)
		errs = append(errs, os.WriteFile(file, []byte(text), 0o440)) //nolint:gosec // as mounted
		errs = append(errs, os.Chown(file, 0, group))
		if writable {
			errs = append(errs, os.Chmod(file, 0o660)) //nolint:gosec // as mounted
		}
	}
	if writable {
		errs = append(errs, os.Chown(folder, 0, group), os.Chmod(folder, 0o2775)) //nolint:gosec // as mounted
	}
	return errors.Join(errs...)
}

// start starts the container. An image is the program, or else busybox.
func (p *pod) start(programs string) error {
	for _, at := range []string{"tokensweep", "bin/sh", "bin/sleep", "bin/tar", "bin/test"} {
		inside, program := filepath.Join(p.root, at), "busybox"
		if at == "tokensweep" {
			program = at
		}
		if err := os.Remove(inside); err != nil && !os.IsNotExist(err) {
			return err
		}
		if strings.Contains(p.container().Image, "busybox") != (program == "busybox") {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(inside), 0o755); err != nil { //nolint:gosec // as in an image
			return err
		}
		if err := os.Link(filepath.Join(programs, program), inside); err != nil {
			return err
		}
	}
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	line := p.container().Command
	if len(line) == 0 {
		line = []string{"/tokensweep"}
	}
	p.cmd = p.command(append(slices.Clone(line), p.container().Args...))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = p.cmd.Wait() // its state says how
		_ = log.Close()
		close(p.done)
	}()
	return nil
}

// command is a command inside of the container. Pods share the machine's network: each listens at its own address only.
func (p *pod) command(line []string) *exec.Cmd {
	cmd := &exec.Cmd{Path: line[0], Dir: "/", Env: append([]string{"PATH=/bin"}, p.env...)}
	if !strings.HasPrefix(cmd.Path, "/") {
		cmd.Path = "/bin/" + cmd.Path
	}
	for _, arg := range line {
		cmd.Args = append(cmd.Args, strings.Replace(arg, "--listen=0.0.0.0:", "--listen="+p.ip+":", 1))
	}
	security := p.object.Spec.SecurityContext
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.root, Pdeathsig: syscall.SIGKILL, Credential: &syscall.Credential{
		Uid: id(security.RunAsUser), Gid: id(security.RunAsGroup), Groups: []uint32{id(security.FSGroup)}}}
	return cmd
}

func id(n *int64) uint32 { return uint32(*n) } //nolint:gosec // the manifests say 65532

// stop asks the container to end, once, and kills it after a time.
func (p *pod) stop(grace time.Duration) {
	if p.stopped.Swap(true) {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ready waits until the pod answers its readiness probe, and says whether it does.
func (p *pod) ready(ctx context.Context) bool {
	probe := p.container().ReadinessProbe
	if probe == nil {
		return true
	}
	url := fmt.Sprintf("http://%s:%d%s", p.ip, p.container().Ports[0].ContainerPort, probe.HTTPGet.Path)
	for !p.over() {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-p.done:
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

// running is the status of a pod whose container runs.
func (p *pod) running(ready bool) corev1.PodStatus {
	ready = ready || p.container().ReadinessProbe == nil
	yes := corev1.ConditionFalse
	if ready {
		yes = corev1.ConditionTrue
	}
	return corev1.PodStatus{Phase: corev1.PodRunning, PodIP: p.ip, PodIPs: []corev1.PodIP{{IP: p.ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: yes, LastTransitionTime: metav1.Now()},
			{Type: corev1.ContainersReady, Status: yes, LastTransitionTime: metav1.Now()}},
		ContainerStatuses: []corev1.ContainerStatus{{Ready: ready, Started: &ready, ContainerID: "test://1",
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}}}
}

// terminated is the status of a pod whose container has ended: with its last words, or with the end of its log.
func (p *pod) terminated() corev1.PodStatus {
	status, code := p.running(false), p.cmd.ProcessState.ExitCode()
	status.Phase = corev1.PodSucceeded
	if code != 0 {
		status.Phase = corev1.PodFailed
	}
	for i := range status.Conditions {
		status.Conditions[i].Status = corev1.ConditionFalse
	}
	message, err := os.ReadFile(filepath.Join(p.root, p.container().TerminationMessagePath))
	if err != nil || len(message) == 0 && code != 0 {
		message, _ = os.ReadFile(p.log)
	}
	c := &status.ContainerStatuses[0]
	c.Ready, c.Started = false, new(bool)
	c.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code),
		Message: string(message[max(0, len(message)-4096):]), ContainerID: c.ContainerID,
		StartedAt: metav1.Now(), FinishedAt: metav1.Now()}}
	return status
}
