# sla on a CPU: docker build -f docker/cpu.Dockerfile -t sla .
# As a service: docker run -p 127.0.0.1:8000:8000 -v "$PWD:/work" sla serve --host 0.0.0.0 --token-file /work/token
FROM python:3.12-slim
WORKDIR /opt/sla
COPY pyproject.toml README.md LICENSE ./
COPY sla_cli sla_cli
# PyTorch's CPU build first: it is kept, and PyPI's would bring CUDA.
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir '.[torch,archives,web]'
# A user without an entry in /etc/passwd needs a home that can be written.
ENV HOME=/tmp
WORKDIR /work
ENTRYPOINT ["sla"]
