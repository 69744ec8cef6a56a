package kube_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnAPIServerRefusesAManifestThatWasBroken breaks one thing at a time, and names what must be complained of.
func TestAnAPIServerRefusesAManifestThatWasBroken(t *testing.T) {
	for _, row := range []struct{ name, kind, old, new, complaint string }{
		{"a field that doesn't exist", "CronJob", "concurrencyPolicy:", "concurencyPolicy:",
			`unknown field "spec.concurencyPolicy"`},
		{"a field in the wrong case", "CronJob", "startingDeadlineSeconds:", "startingdeadlineSeconds:",
			`unknown field "spec.startingdeadlineSeconds"`},
		{"a field at the wrong level", "CronJob", "    backoffLimit: 1\n", "    template:\n      backoffLimit: 1\n",
			"already set in map"},
		{"a field twice", "CronJob", "concurrencyPolicy: Forbid",
			"concurrencyPolicy: Forbid\n  concurrencyPolicy: Allow", "already set in map"},
		{"a number that is none", "CronJob", "startingDeadlineSeconds: 3600", "startingDeadlineSeconds: 1h",
			"cannot unmarshal"},
		{"a quantity that is none", "CronJob", "memory: 256Mi", "memory: 256MiB", "quantities must match"},
		{"a word that is not on the list", "CronJob", "concurrencyPolicy: Forbid", "concurrencyPolicy: Never",
			`Unsupported value: "Never"`},
		{"a schedule that is none", "CronJob", "schedule: 17 9 * * 1-4", "schedule: 17 9 * * MO-TH",
			"spec.schedule: Invalid value"},
		{"a schedule with a sixth field", "CronJob", "schedule: 17 9", "schedule: 0 17 9",
			"spec.schedule: Invalid value"},
		{"a time zone that is none", "CronJob", "timeZone: Etc/UTC", "timeZone: Mars/Olympus",
			"unknown time zone Mars/Olympus"},
		{"a deadline in the past", "CronJob", "startingDeadlineSeconds: 3600", "startingDeadlineSeconds: -1",
			"must be greater than or equal to 0"},
		{"a failure policy where the kubelet restarts", "CronJob", "restartPolicy: Never", "restartPolicy: OnFailure",
			"only \"Never\" is supported when podFailurePolicy is specified"},
		{"a Job whose pods never end", "CronJob", "restartPolicy: Never", "restartPolicy: Always",
			"spec.jobTemplate.spec.template.spec.restartPolicy"},
		{"success as a failure", "CronJob", "- 22\n", "- 0\n", "must not be 0 for the In operator"},
		{"exit codes out of order", "CronJob", "- 20\n            - 21\n", "- 21\n            - 20\n",
			"must be ordered"},
		{"an exit code twice", "CronJob", "- 20\n            - 21\n", "- 20\n            - 20\n",
			"Duplicate value: 20"},
		{"the exit codes of a container that isn't there", "CronJob", "containerName: tokensweep",
			"containerName: hygiene", `"hygiene": must be one of the container or initContainer names`},
		{"a failure action that isn't one", "CronJob", "action: Count", "action: Retry", `Unsupported value: "Retry"`},
		{"a mount of a volume that isn't there", "CronJob", "name: state\n          enable",
			"name: stat\n          enable", `Not found: "stat"`},
		{"more asked for than allowed", "CronJob", "memory: 64Mi", "memory: 512Mi",
			"must be less than or equal to memory limit"},
		{"a probe at a port that isn't there", "Deployment", "port: metrics", "port: metrics-port-of-the-pod",
			"must be no more than 15 characters"},
		{"a deployment that selects other pods", "Deployment", "app.kubernetes.io/component: serve\n      app",
			"app.kubernetes.io/component: other\n      app", "`selector` does not match template `labels`"},
		{"a strategy with what belongs to another", "Deployment", "type: Recreate",
			"type: Recreate\n    rollingUpdate: {maxSurge: 1}",
			"may not be specified when strategy `type` is 'Recreate'"},
		{"a volume that many and only one may have", "PersistentVolumeClaim", "- ReadWriteOncePod",
			"- ReadWriteOncePod\n  - ReadWriteOnce", "may not use ReadWriteOncePod with other access modes"},
		{"a port out of range", "NetworkPolicy", "port: 443", "port: 70443", "must be between 1 and 65535"},
		{"a protocol that isn't one", "NetworkPolicy", "protocol: UDP", "protocol: DNS", `Unsupported value: "DNS"`},
		{"a name that is none", "ServiceAccount", "\n  name: tokensweep\n", "\n  name: Token_Sweep\n",
			"a lowercase RFC 1123 subdomain"},
		{"a kind that isn't one", "ServiceAccount", "kind: ServiceAccount", "kind: ServiceAcount",
			`no kind "ServiceAcount" is registered`},

		{"restricted: privileged", "CronJob", "readOnlyRootFilesystem: true", "privileged: true",
			"restricted: privileged"},
		{"restricted: escalation", "CronJob", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true",
			"restricted: allowPrivilegeEscalation != false"},
		{"restricted: root", "CronJob", "runAsUser: 65532", "runAsUser: 0", "restricted: runAsUser=0"},
		{"restricted: perhaps root", "CronJob", "runAsNonRoot: true", "runAsNonRoot: false",
			"restricted: runAsNonRoot != true"},
		{"restricted: a capability", "CronJob", "drop:\n", "add: [NET_RAW]\n                drop:\n",
			"restricted: unrestricted capabilities"},
		{"restricted: no seccomp", "Deployment", "type: RuntimeDefault", "type: Unconfined",
			"restricted: seccompProfile"},
		{"restricted: a folder of the node", "Deployment",
			"secret:\n          defaultMode: 288\n          secretName: tokensweep-okta", "hostPath: {path: /etc}",
			"restricted: restricted volume types"},
		{"restricted: the node's network", "Deployment", "enableServiceLinks: false", "hostNetwork: true",
			"restricted: host namespaces"},
	} {
		t.Run(row.name, func(t *testing.T) {
			overlay := "dry-run"
			if row.kind == "Deployment" {
				overlay = "serve"
			}
			require.Contains(t, strings.Join(admit(breakOne(t, overlay, row.kind, row.old, row.new)), "\n"),
				row.complaint)
		})
	}
}

// manifestOf is the manifest of a kind in an overlay.
func manifestOf(t *testing.T, overlay, kind string) []byte {
	t.Helper()
	for _, manifest := range render(t, overlay) {
		if bytes.Contains(manifest, []byte("\nkind: "+kind+"\n")) {
			return manifest
		}
	}
	require.Fail(t, "no "+kind+" in "+overlay)
	return nil
}

// breakOne returns the manifest of a kind with one piece of its text replaced.
func breakOne(t *testing.T, overlay, kind, old, replacement string) []byte {
	t.Helper()
	manifest := string(manifestOf(t, overlay, kind))
	require.Contains(t, manifest, old, "there is nothing to break")
	return []byte(strings.Replace(manifest, old, replacement, 1))
}
