# genocc on a CPU: what `make demo` needs, and no more.
#
#     docker build -t genocc .
#     docker run --rm -v "$PWD:/work" genocc search --out runs/a
#     docker run --rm --entrypoint make genocc -C /genocc demo
FROM python:3.13-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends graphviz fonts-liberation make \
    && rm -rf /var/lib/apt/lists/*

# PyTorch and ONNX Runtime for CPUs: those of PyPI bring 5 GB for GPUs.
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu

COPY . /genocc
RUN pip install --no-cache-dir --editable /genocc && touch /usr/local/.installed
# Where `make demo` looks for what is installed.
ENV VENV=/usr/local

RUN useradd --create-home genocc && mkdir /work && chown genocc /work /genocc
USER genocc
WORKDIR /work
ENTRYPOINT ["genocc"]
