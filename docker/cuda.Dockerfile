# sla on a GPU: docker build -f docker/cuda.Dockerfile -t sla:cuda .
# As a service: docker run --gpus all -p 127.0.0.1:8000:8000 -v "$PWD:/work" sla:cuda serve --host 0.0.0.0 --token-file /work/token
# PyPI's torch brings CUDA's libraries; of the machine it needs the driver, through NVIDIA's container toolkit.
FROM python:3.12-slim
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /opt/sla
COPY pyproject.toml README.md LICENSE ./
COPY sla_cli sla_cli
RUN pip install --no-cache-dir '.[torch,archives,web]'
# A user without an entry in /etc/passwd needs a home that can be written.
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["sla"]
