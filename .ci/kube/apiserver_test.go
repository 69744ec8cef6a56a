// Package kube_test checks the manifests in deploy as an API server would: rendered by kustomize's own library,
// decoded strictly, and validated by Kubernetes' own code. It is a module of its own, so that the program's go.mod
// names none of that.
package kube_test

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchvalidation "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// gates are the alpha features that the generated validation asks about, off as in any cluster that doesn't say
// otherwise.
var gates = map[string]bool{string(features.WorkloadWithJob): false}

// decode reads a manifest, refuses what its kind doesn't know, and fills in the API server's defaults.
func decode(manifest []byte) (runtime.Object, error) {
	if custom, err := decodeCustom(manifest); custom != nil || err != nil {
		return custom, err
	}
	object, _, err := strict.Decode(manifest, nil, nil)
	if err != nil {
		return nil, err
	}
	legacyscheme.Scheme.Default(object)
	return object, nil
}

// decodeCustom reads a manifest of a kind of the operator for Prometheus; nil if it is of none.
func decodeCustom(manifest []byte) (runtime.Object, error) {
	var object unstructured.Unstructured
	if err := yaml.Unmarshal(manifest, &object.Object); err != nil {
		return nil, err
	}
	if object.GroupVersionKind().Group != "monitoring.coreos.com" {
		return nil, nil
	}
	return &object, nil
}

// admit returns what an API server would find wrong with a manifest that is to be created.
func admit(manifest []byte) (complaints []string) {
	object, err := decode(manifest)
	if err != nil {
		return []string{err.Error()}
	}
	if custom, is := object.(*unstructured.Unstructured); is {
		return complain(validateCustom(custom))
	}
	errs, err := validate(object)
	if err != nil {
		return []string{err.Error()}
	}
	errs = append(errs, legacyscheme.Scheme.Validate(context.Background(), gates, object)...) // the generated half
	complaints = complain(errs, nil)
	if template := podTemplate(object); template != nil {
		complaints = append(complaints, unrestricted(template)...)
	}
	return complaints
}

func complain(errs field.ErrorList, err error) (complaints []string) {
	if err != nil {
		return []string{err.Error()}
	}
	for _, err := range errs {
		complaints = append(complaints, err.Error())
	}
	return complaints
}

// validate calls what the API server calls for an object of each kind; https://github.com/kubernetes/kubernetes,
// pkg/registry/*/*/strategy.go, Validate. A kind that it doesn't know is an error.
func validate(versioned runtime.Object) (field.ErrorList, error) {
	object, err := legacyscheme.Scheme.ConvertToVersion(versioned, runtime.InternalGroupVersioner)
	if err != nil {
		return nil, err
	}
	switch o := object.(type) {
	case *batch.CronJob:
		return batchvalidation.ValidateCronJobCreate(o,
			pod.GetValidationOptionsFromPodTemplate(&o.Spec.JobTemplate.Spec.Template, nil)), nil
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(o, pod.GetValidationOptionsFromPodTemplate(&o.Spec.Template, nil)), nil
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{}), nil
	case *core.PersistentVolumeClaim:
		return corevalidation.ValidatePersistentVolumeClaim(o, corevalidation.ValidationOptionsForPersistentVolumeClaim(
			o, nil)), nil
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(o), nil
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o), nil
	case *core.Secret:
		return corevalidation.ValidateSecret(o), nil
	case *core.Namespace:
		return corevalidation.ValidateNamespace(o), nil
	}
	return nil, fmt.Errorf("nobody validates a %T: add it here", object)
}

// podTemplate is the pod that an object starts, nil if it starts none.
func podTemplate(object runtime.Object) *corev1.PodTemplateSpec {
	switch o := object.(type) {
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	case *appsv1.Deployment:
		return &o.Spec.Template
	}
	return nil
}

// unrestricted returns what the Pod Security standard "restricted" forbids in a pod.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func unrestricted(template *corev1.PodTemplateSpec) (complaints []string) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
	for i, reason := range result.ForbiddenReasons {
		complaints = append(complaints, strings.TrimSpace("restricted: "+reason+" "+result.ForbiddenDetails[i]))
	}
	return complaints
}
