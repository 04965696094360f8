# The gateway: production packages and the source, which Node runs as it is. How to run it: docs/deployment.md.
# Held by `npm run check:image`, which builds this file and sends a record through what came of it.

FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# A registry of one's own comes in as a secret, which no layer keeps: docker build --secret id=npmrc,src=$HOME/.npmrc
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# The HTTP library brings a binary for every system and every Node; one of them is used here.
RUN find node_modules/uWebSockets.js/dist/bin -name '*.node' \
      ! -name "$(node -p '`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`')" -delete \
    && node -e "import('uWebSockets.js')"

FROM node:22-bookworm-slim
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Ingest gateway for analytics records" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
# The only place that is written to. As a volume it outlives the container, and the rest may be mounted read-only.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/sluice
ENV NODE_ENV=production SLUICE_DATA_DIR=/var/lib/sluice
VOLUME /var/lib/sluice
# The image's user `node`, as a number: Kubernetes can tell from it that this is not root.
USER 1000:1000
EXPOSE 8080
# Alive, not ready: whoever restarts unhealthy containers must not restart one that waits for Postgres.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Process 1 is the gateway: it hears SIGTERM itself, starts no other process, and has none to reap.
ENTRYPOINT ["node", "src/cli/sluice.ts"]
CMD ["serve"]
