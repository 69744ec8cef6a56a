package kube_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	// Its module has the definitions; this is a small package of it.
	_ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

const operator = "github.com/prometheus-operator/prometheus-operator"

// definitions is the folder with the operator's CustomResourceDefinitions.
var definitions = sync.OnceValues(func() (string, error) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", operator).Output()
	return filepath.Join(strings.TrimSpace(string(folder)), "example/prometheus-operator-crd"), err
})

// schemaOf is what the definition of a kind says of its objects.
func schemaOf(kind string) (*apiextensions.JSONSchemaProps, error) {
	folder, err := definitions()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "monitoring.coreos.com_"+strings.ToLower(kind)+"s.yaml"))
	if err != nil {
		return nil, fmt.Errorf("no definition of %s: %w", kind, err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return nil, err
	}
	var internal apiextensions.CustomResourceValidation
	err = apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(
		crd.Spec.Versions[0].Schema, &internal, nil)
	return internal.OpenAPIV3Schema, err
}

// validateCustom says what an API server that has the definition of a kind finds wrong with one of its objects, and
// which fields it would drop.
func validateCustom(object *unstructured.Unstructured) (field.ErrorList, error) {
	props, err := schemaOf(object.GetKind())
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	errs := validation.ValidateCustomResource(nil, object.Object, validator)
	unknown := pruning.PruneWithOptions(object.DeepCopy().Object, structural, true,
		schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		errs = append(errs, field.Invalid(field.NewPath(path), nil, fmt.Sprintf("unknown field %q", path)))
	}
	return errs, nil
}
