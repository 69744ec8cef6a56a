# Two stages: a static binary, and an image that holds it, CA certificates, a user, and nothing else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY main.go ./
COPY cli cli
COPY okta okta
COPY rules rules
COPY audit audit
COPY notify notify
ARG TARGETOS=linux
ARG TARGETARCH=amd64
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false -ldflags='-s -w' -o /tokensweep .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /tokensweep /tokensweep
USER 65532:65532
ENTRYPOINT ["/tokensweep"]
CMD ["run"]
