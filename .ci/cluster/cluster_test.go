// Package cluster_test does with the manifests in deploy what the papers say, word by word and by kubectl, against
// etcd, kube-apiserver and its controllers. Pods run the program itself, on a node that the tests play. It is a module
// of its own, so that the program's go.mod names none of that. .ci/run long cluster builds what it needs.
package cluster_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const root = "../.."

// programs are what .ci/run has built: etcd (as server), kube-apiserver, kube-controller-manager, kubectl, kubectl-1.32
// and tokensweep.
func programs(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CLUSTER_PROGRAMS")
	require.NotEmpty(t, dir, "run it as .ci/run long cluster, which builds what it needs")
	return dir
}

// cluster is a control plane with one node.
type cluster struct {
	dir, programs, config string // config is the kubeconfig of an administrator
	client                kubernetes.Interface
	node                  *node
}

// startCluster starts a control plane of its own, which ends with the test.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), programs: programs(t)}
	etcd, peer, api := freePort(t), freePort(t), freePort(t)
	c.daemon(t, "server", "--data-dir="+c.file("etcd"), "--log-level=error", "--unsafe-no-fsync",
		"--listen-client-urls=http://"+etcd, "--advertise-client-urls=http://"+etcd, "--listen-peer-urls=http://"+peer,
		"--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=default=http://"+peer)
	c.answers(t, "http://"+etcd+"/health")
	key := c.file("accounts.key")
	writeKey(t, key)
	require.NoError(t, os.WriteFile(c.file("tokens.csv"), []byte("admin,admin,admin,system:masters\n"), 0o600))
	_, port, err := net.SplitHostPort(api)
	require.NoError(t, err)
	c.daemon(t, "kube-apiserver", "--etcd-servers=http://"+etcd, "--bind-address=127.0.0.1", "--secure-port="+port,
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--cert-dir="+c.file("certs"),
		"--authorization-mode=RBAC", "--token-auth-file="+c.file("tokens.csv"),
		"--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key,
		"--service-account-signing-key-file="+key, "--kubelet-preferred-address-types=InternalIP")
	c.answers(t, "https://"+api+"/readyz")
	c.configure(t, "https://"+api)
	c.daemon(t, "kube-controller-manager", "--kubeconfig="+c.config, "--service-account-private-key-file="+key,
		"--leader-elect=false", "--secure-port=0", "--controllers="+strings.Join([]string{"cronjob-controller",
			"job-controller", "deployment-controller", "replicaset-controller", "namespace-controller",
			"serviceaccount-controller", "garbage-collector-controller", "persistentvolumeclaim-protection-controller"},
			","))
	c.node = startNode(t, c)
	return c
}

func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

// daemon starts a program that runs until the test is over, and shows the end of its log if the test failed.
func (c *cluster) daemon(t *testing.T, name string, args ...string) {
	t.Helper()
	log, err := os.Create(c.file(name + ".log"))
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(c.programs, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if raw, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s: … %s", name, raw[max(0, len(raw)-3000):])
		}
	})
}

// answers waits until a server of the control plane says that it is well.
func (c *cluster) answers(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: transport(t)}
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		request.Header.Set("Authorization", "Bearer admin")
		answer, err := client.Do(request)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 3*time.Minute, 100*time.Millisecond, url)
}

// configure writes the administrator's kubeconfig, and makes the tests' own client of it.
func (c *cluster) configure(t *testing.T, url string) {
	t.Helper()
	c.config = c.file("kubeconfig")
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: url,
		CertificateAuthority: filepath.Join(c.file("certs"), "apiserver.crt")}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: "admin"}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "admin"}
	config.CurrentContext = "test"
	require.NoError(t, clientcmd.WriteToFile(*config, c.config))
	loaded, err := clientcmd.BuildConfigFromFlags("", c.config)
	require.NoError(t, err)
	loaded.QPS = -1
	loaded.WarningHandler = rest.NoWarnings{}
	c.client, err = kubernetes.NewForConfig(loaded)
	require.NoError(t, err)
}

// answer is what came of a command.
type answer struct {
	out  string // standard output and standard error, as a terminal has them
	code int
}

// shell runs a command as a user types it, with kubectl and tokensweep first in PATH.
func (c *cluster) shell(t *testing.T, folder, kubectl, line string) answer {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(c.programs, kubectl), filepath.Join(bin, "kubectl")))
	require.NoError(t, os.Symlink(filepath.Join(c.programs, "tokensweep"), filepath.Join(bin, "tokensweep")))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", line)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "KUBECONFIG=" + c.config, "HOME=" + c.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // and what the shell started
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "it doesn't end: %s\n%s", line, out.String())
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		require.NoError(t, err)
	}
	return answer{out.String(), cmd.ProcessState.ExitCode()}
}

// freePort is an address of this machine where nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// writeKey writes a new private key as PEM.
func writeKey(t *testing.T, file string) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	require.NoError(t, os.WriteFile(file, text, 0o600), fmt.Sprint("writing ", file))
	return key
}
