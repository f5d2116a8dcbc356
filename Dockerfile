# The worker image, and one with the tools: every package pinned by its hash.
# Not yet built: there was no container engine where it was written. The same
# steps without containers (wheel, run.lock, wheel installed) are tested in
# tests/test_packaging.py.

FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements/build.lock requirements/build.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/build.lock
COPY pyproject.toml LICENSE README.md ./
COPY streams streams
COPY config config
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY requirements/run.lock /tmp/run.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/run.lock \
    && rm /tmp/run.lock
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps /wheels/*.whl \
    && rm -r /wheels \
    && python -m compileall -q /usr/local/lib/python3.13/site-packages/streams \
    && useradd --system --uid 10001 --no-create-home refund
USER 10001
# Exec form: the worker is process 1 and gets SIGTERM itself.
ENTRYPOINT ["refund"]

# With the commands that make and measure traffic; `--target tools`.
FROM base AS tools
USER root
COPY requirements/tools.lock /tmp/tools.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/tools.lock \
    && rm /tmp/tools.lock
USER 10001

FROM base AS worker
EXPOSE 6066
CMD ["worker"]
