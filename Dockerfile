# The server with all it needs, from the lock files, for a user who is not root.

FROM node:24-slim AS explorer
WORKDIR /explorer
COPY graph/watchword/explorer/package.json graph/watchword/explorer/package-lock.json graph/watchword/explorer/.npmrc ./
RUN npm ci

FROM python:3.11-slim AS environment
COPY requirements/run.lock /run.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /run.lock
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY graph graph
COPY schema schema
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --home-dir /data watchword \
    && install --directory --owner watchword --group watchword --mode 700 /data
COPY --from=environment /venv /venv
COPY --from=environment /app /app
COPY --from=explorer /explorer/node_modules /app/graph/watchword/explorer/node_modules
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WATCHWORD_HOME=/data \
    WATCHWORD_HOST=0.0.0.0 \
    WATCHWORD_PORT=8000
USER watchword
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD \
    ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"WATCHWORD_PORT\"]}/health/ready', timeout=4)"]
ENTRYPOINT ["watchword"]
CMD ["serve"]
