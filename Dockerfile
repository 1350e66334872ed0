# syntax=docker/dockerfile:1
# One image for every part of the desk: `docker run … cracktrader serve`, or a part of it
# (compose.yaml).  docs/deploy.md says how.

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# Such as 'django-storages[s3]==1.14.6', for results in a bucket.
ARG EXTRA_PACKAGES=""
RUN /opt/venv/bin/pip install -r /tmp/requirements.txt ${EXTRA_PACKAGES}


FROM python:3.12-slim
RUN groupadd --system --gid 10001 cracktrader \
 && useradd --system --uid 10001 --gid cracktrader --home-dir /var/lib/cracktrader \
      --shell /usr/sbin/nologin cracktrader \
 && install -d -o cracktrader -g cracktrader -m 700 /var/lib/cracktrader /var/cache/cracktrader
COPY --from=build /opt/venv /opt/venv

WORKDIR /opt/cracktrader
COPY manage.py ./
COPY cracktrader_site ./cracktrader_site
COPY exchanges ./exchanges
COPY strategies ./strategies
COPY runs ./runs
COPY templates ./templates
COPY deploy/healthcheck.py deploy/warm.py ./deploy/

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CRACKTRADER_HOME=/var/lib/cracktrader \
    NUMBA_CACHE_DIR=/var/cache/cracktrader/numba
RUN python -m compileall -q cracktrader_site exchanges strategies runs
USER cracktrader
# The engine, compiled for the processor this is built on; on another kind it is compiled once more.
# It is of this image's code alone: no volume goes there.
RUN python deploy/warm.py && rm -rf /var/lib/cracktrader/* /tmp/*

VOLUME /var/lib/cracktrader
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["python", "deploy/healthcheck.py"]
# Without HOST=0.0.0.0, which CRACKTRADER_AUTH=1 must go with, nobody outside the container is
# answered.
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
