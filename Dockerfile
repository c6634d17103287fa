# MARLISE as a container: a static Swift program, the C libraries it needs, checkpoints, and nothing else.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag marlise:latest .
#
# The first stage needs no cross-compiler: buildx runs it once for each platform.
ARG BUILD_IMAGE=swift:6.3-bookworm

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh && apt-get install -y -qq --no-install-recommends ca-certificates
COPY . .
RUN swift build -c release --product marlise \
  && scripts/runtime_root.sh "$(swift build -c release --show-bin-path)/marlise" /runtime

FROM scratch
LABEL org.opencontainers.image.title="marlise" \
  org.opencontainers.image.description="Multi-agent reinforcement learning scales the CPU of Kubernetes pods in place" \
  org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /runtime/ /
ENV HOME=/var/lib/marlise
WORKDIR /var/lib/marlise
USER 65532:65532
EXPOSE 8000
# No HEALTHCHECK: Kubernetes asks /healthz and /readyz itself (configs/kubernetes), and which port and protocol they are on is
# for the command to say.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/marlise"]
CMD ["--help"]
