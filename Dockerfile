# One image for every process: code location, webserver, daemon, runs, the emulator and the `themaads` command.
# Nothing secret is in it; settings come from the environment (see docker-compose.yml).

FROM python:3.11-slim-bookworm AS builder
# Only for a machine that reaches packages another way; nothing of it gets into the result.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/themaads
RUN python -m venv /opt/venv
COPY requirements-production.lock .
# --no-deps because the lock is complete; only wheels, since there is no compiler.
RUN /opt/venv/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements-production.lock \
    && rm -r /opt/venv/lib/python3.11/site-packages/pandas/tests /opt/venv/lib/python3.11/site-packages/pyarrow/tests
# Linked rather than copied: an edit of our code changes the last layer only, and a redeploy takes seconds.
COPY pyproject.toml README.md ./
COPY themaads_pipeline/__init__.py themaads_pipeline/
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/pip uninstall --yes --quiet setuptools pip

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 themaads \
    && useradd --uid 10001 --gid themaads --no-create-home --home-dir /data themaads \
    && mkdir -p /data/uploads /data/reports /data/dagster /data/emulator \
    && chown -R themaads:themaads /data
COPY --from=builder /opt/venv /opt/venv
WORKDIR /opt/themaads
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/opt/themaads \
    THEMAADS_HOME=/data
COPY deploy/docker/dagster.yaml deploy/docker/workspace.yaml deploy/docker/healthy.py ./
COPY themaads_pipeline themaads_pipeline
# Compiled here, as nobody may write there later: a run would compile all of it at each start.
RUN python -m compileall -q themaads_pipeline
USER themaads
CMD ["themaads", "--help"]
