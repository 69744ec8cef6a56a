# Two stages: a static binary, and an image that holds it, the list of what it is made of (an SBOM, as CycloneDX), CA
# certificates, a user, and nothing else.
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/tokensweep:1.0.0 --push \
#     --build-arg VERSION=1.0.0 --build-arg COMMIT=$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
#
# The same sources, arguments and base images give the same image. The bases are held by the digests of their indexes,
# of all platforms; the tags only say what they are. To take them from a mirror or to move on, name others:
# --build-arg GO_IMAGE=…@sha256:… --build-arg BASE_IMAGE=…@sha256:…
ARG GO_IMAGE=docker.io/library/golang:1.26.8@sha256:3c3e25a4da13fd0478eed2df1eb35a0e667094a7124d3993a6a1d30f71c17e79
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot@sha256:afa5c872c891853ca7fcf1f12c3edb23f7eeef36189728842dd51042ff57f7ab

# The compiler runs on the machine that builds, and makes a program for the machine that is to run it.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
# The tool that reads from a binary what it is made of, at the version and with the checksums of .ci/sbom.
COPY .ci/sbom /sbom
RUN CGO_ENABLED=0 go build -C /sbom -trimpath -buildvcs=false -o /bin/cyclonedx-gomod \
      github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY main.go ./
COPY cli cli
COPY okta okta
COPY rules rules
COPY audit audit
COPY notify notify
# Without defaults: they would win over what --platform says.
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG COMMIT=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags="-s -w -X tokensweep/cli.release=$VERSION -X tokensweep/cli.revision=$COMMIT" -o /tokensweep .
# Without a serial number and a time the same binary has the same SBOM. It names the binary's checksums, and the
# platform of its modules by what is said here.
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH cyclonedx-gomod bin -json -std -noserial -notimestamp -version "$VERSION" -output /tokensweep.cdx.json /tokensweep
ARG SOURCE_DATE_EPOCH=0
RUN touch -d "@$SOURCE_DATE_EPOCH" /tokensweep /tokensweep.cdx.json

# Said again, since older builders would take the platform of the stage before.
FROM --platform=$TARGETPLATFORM $BASE_IMAGE
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="tokensweep" \
      org.opencontainers.image.description="A scheduled hygiene job for Okta API tokens" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /tokensweep /tokensweep.cdx.json /
USER 65532:65532
ENTRYPOINT ["/tokensweep"]
CMD ["run"]
