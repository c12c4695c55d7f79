# The server with all it needs, from the lock files, for a user who is not root. It imports your schema from /app:
# docs/how-to/image.md.

FROM python:3.11-slim AS wheel
COPY requirements/build.lock /build.lock
RUN pip install --no-cache-dir --require-hashes -r /build.lock
WORKDIR /source
COPY pyproject.toml MANIFEST.in README.md CHANGELOG.md LICENSE ./
COPY requirements/build_backend.py requirements/
COPY graph graph
COPY schema schema
COPY client client
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.11-slim AS environment
COPY requirements/image.lock /image.lock
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /image.lock
COPY --from=wheel /wheel /wheel
RUN /venv/bin/pip install --no-cache-dir --no-deps /wheel/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --home-dir /data watchword \
    && install --directory --owner watchword --group watchword --mode 700 /data
COPY --from=environment /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WATCHWORD_HOME=/data \
    WATCHWORD_HOST=0.0.0.0 \
    WATCHWORD_PORT=8000
USER watchword
WORKDIR /app
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD \
    ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"WATCHWORD_PORT\"]}/health/ready', timeout=4)"]
ENTRYPOINT ["watchword"]
CMD ["serve"]
