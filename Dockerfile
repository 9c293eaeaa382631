# Airflow with agrocluster for a server; see docker-compose.yaml. Everything is installed from the hash-locked
# requirements.txt, the code is part of the image, and nothing runs as root.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt /src/
RUN pip install --no-deps --require-hashes -r /src/requirements.txt
COPY pyproject.toml requirements.in README.md LICENSE /src/
COPY include /src/include
RUN pip install --no-deps --no-build-isolation /src

FROM ${PYTHON_IMAGE}
# Group 0 without rights of its own: the image also runs under the random user ids of OpenShift.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /tmp agrocluster \
    && mkdir -p /data && chown 50000:0 /data && chmod 0770 /data
COPY --from=build /opt/venv /opt/venv
COPY dags /opt/agrocluster/dags
COPY plugins /opt/agrocluster/plugins
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/tmp/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/agrocluster/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/agrocluster/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AGROCLUSTER_DATA=/data \
    AGROCLUSTER_WORK=/data/work \
    GX_ANALYTICS_ENABLED=false
WORKDIR /opt/agrocluster
USER 50000:0
VOLUME /data
CMD ["airflow", "version"]
