# The bot. `docker build --tag studio-links .`
# With the stand-ins for AWS and Slack as well, for this machine alone: `docker build --target local .`

ARG PYTHON=3.13-slim-bookworm

# --- With everything, for compose.yaml ------------------------------------------------------------------------
FROM python:${PYTHON} AS local
WORKDIR /app
COPY requirements-dev.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement requirements-dev.txt
COPY manifest.yml ./
COPY bot bot
ENV HOME=/tmp \
    PYTHONUNBUFFERED=1
USER 10001:10001
ENTRYPOINT ["python", "-m", "bot"]
CMD ["demo", "--once"]

# --- What ships: what requirements.txt pins, checked against its hashes and as wheels, which run nothing; and the bot
FROM python:${PYTHON} AS build
WORKDIR /app
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement requirements.txt \
    && python -m pip install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement requirements-build.txt
COPY LICENSE README.md pyproject.toml manifest.yml ./
COPY bot bot
# No stand-ins in production. What is compiled now need not be written later, when nothing can be.
RUN rm -rf bot/local \
    && python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-index --no-deps dist/*.whl \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:${PYTHON}
COPY --from=build /opt/venv /opt/venv
# TMPDIR is the one place that can be written where the root file system is read-only, in Docker and on Fargate.
# HOME, because slack_sdk asks for it when it is imported, and the user below has no entry that would name one.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/ \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/dev/shm \
    HOST=0.0.0.0 \
    PORT=3000
# Nobody's number on the host. The files belong to root: the bot can change none of them.
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["python", "-c", "\
from http.client import HTTPConnection; \
from os import environ; \
bot = HTTPConnection('127.0.0.1', int(environ['PORT']), timeout=9); \
bot.request('GET', '/readyz'); \
raise SystemExit(bot.getresponse().status != 200)"]
ENTRYPOINT ["studio-links"]
CMD ["serve"]
