#!/usr/bin/env bash
# What:    `cyclonedx-gomod bin` reads a binary's modules from the binary, but not its platform: each package URL says the
#          GOOS and GOARCH of the machine (or environment) that runs the tool, while the binary itself, in the same build
#          information, says another. There is no warning. The rest of the list is right.
# Matters: an SBOM of a program that was cross-compiled for arm64 says that all of it is for amd64. Who matches package
#          URLs with qualifiers against advisories of a platform looks up the wrong one.
# Version: cyclonedx-gomod v1.10.0, with Go 1.26
# Source:  https://github.com/CycloneDX/cyclonedx-gomod, README "bin"; https://pkg.go.dev/debug/buildinfo
# Seen:    "the binary says GOARCH=arm64, its SBOM says goarch=386"
#          and, with GOARCH=arm64 in the tool's environment: "its SBOM says goarch=arm64"
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
GOBIN="$work" GOFLAGS=-trimpath go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 2>install.log || {
  cat install.log >&2
  exit 1
}
mkdir program
cd program
cat >go.mod <<'M'
module example.com/program

go 1.24

require golang.org/x/text v0.30.0
M
cat >main.go <<'M'
package main

import "golang.org/x/text/language"

func main() { println(language.English.String()) }
M
go mod tidy 2>/dev/null
CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o ../binary .
cd ..
binary=$(go version -m binary | awk '$1 == "build" && $2 ~ /^GOARCH=/ {print $2}')

# said GOARCH prints the platforms that the SBOM names when the tool runs with that GOARCH: 386 is neither the binary's
# nor that of a machine on which this is likely to be run.
said() {
  GOOS=linux GOARCH=$1 ./cyclonedx-gomod bin -json -noserial -notimestamp binary 2>/dev/null |
    grep -oE '"purl": "pkg:golang/golang.org/x/text[^"]*"' | grep -oE 'goarch=[a-z0-9]+' | sort -u
}
out="the binary says $binary, its SBOM says $(said 386)
with GOARCH=arm64 in the tool's environment its SBOM says $(said arm64)"
echo "$out"
[ "$out" = "the binary says GOARCH=arm64, its SBOM says goarch=386
with GOARCH=arm64 in the tool's environment its SBOM says goarch=arm64" ] || { echo "this has changed" >&2; exit 1; }
