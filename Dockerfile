# Two stages: a static binary, and an image that holds it, CA certificates, a user, and nothing else.
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/tokensweep:1.0.0 --push \
#     --build-arg VERSION=1.0.0 --build-arg COMMIT=$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
#
# The same sources, arguments and base images give the same image. To hold the bases, or take them from a mirror, name
# them by digest: --build-arg GO_IMAGE=…@sha256:… --build-arg BASE_IMAGE=…@sha256:…
ARG GO_IMAGE=docker.io/library/golang:1.26.8
ARG BASE_IMAGE=gcr.io/distroless/static-debian12:nonroot

# The compiler runs on the machine that builds, and makes a program for the machine that is to run it.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
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
ARG SOURCE_DATE_EPOCH=0
RUN touch -d "@$SOURCE_DATE_EPOCH" /tokensweep

# Said again, since older builders would take the platform of the stage before.
FROM --platform=$TARGETPLATFORM $BASE_IMAGE
ARG VERSION=dev
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="tokensweep" \
      org.opencontainers.image.description="A scheduled hygiene job for Okta API tokens" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /tokensweep /tokensweep
USER 65532:65532
ENTRYPOINT ["/tokensweep"]
CMD ["run"]
