# The image of runs, of process workers, and of Prefect's server, all with the versions that were tested.
#
#   docker build --tag mailup-file-exchange .
#   docker build --tag mailup-file-exchange --build-arg EXTRAS="redis s3" .
#
# EXTRAS: each a lock file in deployments/extras. redis is for a server in several processes; s3, gs and abfs are
# object stores for the ledger's storage.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS packages
ARG EXTRAS=""
WORKDIR /build
COPY requirements-run.lock requirements-build.lock ./
COPY deployments/extras extras
# Each lock is a constraint, too: pip holds the extras of a locked package to constraints only.
RUN python -m venv /opt/venv \
    && set -- --requirement requirements-run.lock --constraint requirements-run.lock \
    && for extra in ${EXTRAS}; do \
         set -- "$@" --requirement "extras/${extra}.lock" --constraint "extras/${extra}.lock"; \
       done \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes "$@" \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes \
         --requirement requirements-build.lock --constraint requirements-run.lock
# The command mailup-exchange, which works on the folder that the image starts in.
WORKDIR /opt/mailup-file-exchange
COPY pyproject.toml README.md ./
RUN /opt/venv/bin/python -m pip install --no-index --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m pip uninstall --yes hatchling trove-classifiers tomlkit pip setuptools

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="mailup-file-exchange" \
      org.opencontainers.image.description="Batch file exchange between companies and MailUp, as Prefect flows" \
      org.opencontainers.image.licenses="Apache-2.0"
# Not pinned: security updates of the distribution come with every build.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gpg gpg-agent gpgconf \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin mailup \
    && install --directory --owner mailup --group mailup --mode 0700 /scratch /storage
COPY --from=packages /opt/venv /opt/venv
WORKDIR /opt/mailup-file-exchange
COPY . .
RUN python -m compileall -q flows tasks blocks deployments
# /scratch: files with personal data while a run lasts, and all else that is written: the rest may be read-only.
# /storage: where a volume that workers share can be, for a ledger whose storage is a folder.
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/scratch \
    PREFECT_HOME=/scratch/.prefect
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# No entrypoint: container pools give their own command, `prefect flow-run execute`. No health check either, for
# a run is watched by its pool; that of a worker is in deployments/docker/compose.yaml.
# Beside a worker, scratch folders of runs that were killed are removed, also where no other run comes.
CMD ["sh", "-c", "mailup-exchange sweep --every 30 & exec prefect worker start --pool mailup --type process --with-healthcheck"]
