# Two images from one build: `docker build --target operator -t lockstep/operator:0.1.0 .`
# and `docker build --target runtime -t lockstep/runtime:0.1.0 .`

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
WORKDIR /src
COPY requirements/ requirements/
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --require-hashes --requirement requirements/tools.txt
ENV PATH=/opt/build/bin:$PATH
COPY . .

FROM build AS build-operator
RUN tools/image_env.sh operator /opt/lockstep

FROM build AS build-runtime
RUN tools/image_env.sh runtime /opt/lockstep

FROM python:3.11-slim AS base
RUN python3 -m pip uninstall --yes --quiet setuptools wheel pip
ENV PATH=/opt/lockstep/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /
# Numeric, so that Kubernetes can check runAsNonRoot without reading /etc/passwd.
USER 65532:65532

FROM base AS operator
COPY --from=build-operator /opt/lockstep /opt/lockstep
EXPOSE 8080
ENTRYPOINT ["lockstep-operator"]

FROM base AS runtime
COPY --from=build-runtime /opt/lockstep /opt/lockstep
EXPOSE 8080
ENTRYPOINT ["lockstep-runtime"]
