#!/usr/bin/env bash
# What:    where kustomize's `labels` puts a label into several places of one object (metadata, selector, template), these
#          are one and the same node. A replacement that names the template's label alone changes the other two as well;
#          a nameSuffix that is told of two of the places comes twice behind all three.
# Matters: a Deployment's selector is immutable. A label that is to change with each version, put by a replacement into
#          the pods' labels only, changes the selector, and the second apply is refused. With the label written into the
#          file the same replacement does what it says.
# Version: sigs.k8s.io/kustomize/kustomize/v5 5.7.1 (and kubectl 1.32's kustomize 5.5.0)
# Source:  https://github.com/kubernetes-sigs/kustomize, api/filters/filtersutil/setters.go: SetEntry makes one node, and
#          the function that it returns sets that one at each path
# Seen:    "by labels, metadata, selector and template: app app app" though only the template was named;
#          "in the file, metadata, selector and template: one one app"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
GOFLAGS=-mod=mod GOBIN=$work go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1 2>/dev/null

deployment() { # with further labels in its three places
  cat <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {part: web$1}}
spec:
  selector: {matchLabels: {part: web$1}}
  template:
    metadata: {labels: {part: web$1}}
    spec: {containers: [{name: app, image: app}]}
Y
}
mkdir labels file by-labels in-file suffix
deployment '' >labels/app.yaml
printf 'resources: [app.yaml]\nlabels: [{pairs: {version: one}, includeSelectors: true}]\n' >labels/kustomization.yaml
deployment ', version: one' >file/app.yaml
printf 'resources: [app.yaml]\n' >file/kustomization.yaml

replacement='replacements:
  - source: {kind: Deployment, fieldPath: metadata.name}
    targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.metadata.labels.version]}]'
printf 'resources: [../labels]\n%s\n' "$replacement" >by-labels/kustomization.yaml
printf 'resources: [../file]\n%s\n' "$replacement" >in-file/kustomization.yaml
printf 'resources: [../labels]\nnameSuffix: -b\nconfigurations: [more.yaml]\n' >suffix/kustomization.yaml
cat >suffix/more.yaml <<'Y'
nameSuffix:
  - {path: spec/selector/matchLabels/version, kind: Deployment}
  - {path: spec/template/metadata/labels/version, kind: Deployment}
Y

# versions are those of an object's metadata, selector and template, in this order.
versions() { ./kustomize build "$1" | awk '$1 == "version:" {print $2}' | paste -sd ' '; }
by_labels=$(versions by-labels) in_file=$(versions in-file) suffix=$(versions suffix)
echo "by labels, metadata, selector and template: $by_labels"
echo "in the file, metadata, selector and template: $in_file"
echo "by labels, with a suffix for two of them: $suffix"
[ "$in_file" = "one one app" ]
[ "$by_labels" = "app app app" ]
[ "$suffix" = "one-b-b one-b-b one-b-b" ]
