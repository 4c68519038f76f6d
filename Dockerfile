# syntax=docker/dockerfile:1
# One image content, one target for each process: docker build --target api|worker|sandbox|migrate|seed .

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN npm run build

FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages are the embedded PostgreSQL, which a container has no use for, and accelerators.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force

FROM node:22-bookworm-slim AS base
# HOST: a container's own loopback is reachable by nobody else. What is published where is the deployment's decision.
ENV NODE_ENV=production HOST=0.0.0.0 SANDBOX_HOST=0.0.0.0 HOLDFAST_DATA_DIR=/data
WORKDIR /app
RUN install -d -o node -g node /data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/dashboard/dist dashboard/dist
COPY package.json LICENSE* ./
COPY scripts/container-health.mjs scripts/container-health.mjs
USER node

FROM base AS migrate
CMD ["node", "--enable-source-maps", "dist/database/migrate.js"]

# The demo products of `npm start`, into an empty shop. Never part of a deployment.
FROM base AS seed
COPY scripts/seed.mjs scripts/console.mjs scripts/processes.mjs scripts/
CMD ["node", "scripts/seed.mjs", "http://api:3000"]

FROM base AS sandbox
VOLUME /data
EXPOSE 3100
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["node", "scripts/container-health.mjs", "sandbox"]
CMD ["node", "--enable-source-maps", "dist/sandbox.js"]

FROM base AS worker
ENV METRICS_PORT=9464
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "scripts/container-health.mjs", "worker"]
CMD ["node", "--enable-source-maps", "dist/worker.js"]

FROM base AS api
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["node", "scripts/container-health.mjs", "api"]
CMD ["node", "--enable-source-maps", "dist/main.js"]
