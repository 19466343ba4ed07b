# One static binary and the roots of TLS, in an empty image. Same sources, same bytes: .ci/image builds it.
ARG RUST=docker.io/library/rust:1.95.0-alpine3.22@sha256:064dfc925d68d1a63f4fd2871bd7dc6e6ea56692989a487185855d62885d90aa
FROM ${RUST} AS build
# The toolchain of the base, not the newest of the channel.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /countersign
COPY . .
RUN binary=$(sh .ci/static) \
  && mkdir -p /image/etc/ssl/certs \
  && cp "$binary" /image/countersign \
  && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
  && chmod -R u=rwX,go=rX /image

FROM scratch
LABEL org.opencontainers.image.title="countersign" \
  org.opencontainers.image.description="Agents propose, people countersign, CI executes exactly that." \
  org.opencontainers.image.source="https://github.com/countersign/countersign" \
  org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/ /
USER 65534:65534
ENTRYPOINT ["/countersign"]
