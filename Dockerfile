# The bot. `docker build --tag studio-links .`
# With the stand-ins for AWS and Slack, for local use only: `docker build --target local .`

# Named by digest: docs/RELEASING.md says how to update it.
ARG PYTHON=3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8
# requirements-otel.txt has the packages for traces in addition.
ARG REQUIREMENTS=requirements.txt

# --- The wheel. A release puts the one that it has signed in the place of this: docs/RELEASING.md --------------------
FROM python:${PYTHON} AS builder
WORKDIR /app
COPY requirements-build.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement requirements-build.txt
COPY LICENSE README.md pyproject.toml hatch_build.py manifest.yml ./
COPY bot bot
RUN python -m build --no-isolation --wheel --outdir /wheel

FROM scratch AS wheel
COPY --from=builder /wheel/*.whl /

# --- With the stand-ins, for compose.yaml -----------------------------------------------------------------------
FROM python:${PYTHON} AS local
COPY requirements-demo.txt /tmp/
COPY --from=wheel /*.whl /tmp/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement /tmp/requirements-demo.txt \
    && python -m pip install --no-cache-dir --disable-pip-version-check --no-index --no-deps /tmp/*.whl
ENV HOME=/tmp \
    PYTHONUNBUFFERED=1
USER 10001:10001
ENTRYPOINT ["studio-links"]
CMD ["demo", "--once"]

# --- Production: the bot and its pinned dependencies, as wheels with checked hashes, which run no code -------------
FROM python:${PYTHON} AS build
ARG REQUIREMENTS
COPY requirements.txt requirements-otel.txt /tmp/
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement "/tmp/$REQUIREMENTS"
COPY --from=wheel /*.whl /tmp/
# Remove the stand-ins. Compile now, because production has a read-only file system.
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-index --no-deps /tmp/*.whl \
    && rm -rf /opt/venv/lib/python3*/site-packages/bot/local \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:${PYTHON}
COPY --from=build /opt/venv /opt/venv
# TMPDIR stays writable with a read-only root file system, in Docker and on Fargate. slack_sdk needs HOME at import, and
# the user below has no entry in /etc/passwd. Without caches and arenas for its 300 threads, memory stays flat: SCALE.md.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/ \
    GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/dev/shm \
    HOST=0.0.0.0 \
    PORT=3000 \
    METRICS_PORT=9090
# An unprivileged user id that the host does not use. The files belong to root, so the bot can't change them.
USER 10001:10001
EXPOSE 3000 9090
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["python", "-c", "\
from http.client import HTTPConnection; \
from os import environ; \
bot = HTTPConnection('127.0.0.1', int(environ.get('METRICS_PORT') or environ['PORT']), timeout=9); \
bot.request('GET', '/readyz'); \
raise SystemExit(bot.getresponse().status != 200)"]
ENTRYPOINT ["studio-links"]
CMD ["serve"]
