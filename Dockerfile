# genocc on a CPU: what `make demo` needs, and no more.
#
#     docker build -t genocc .
#     docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" genocc search --out runs/a
#     docker run --rm --entrypoint make genocc -C /genocc demo
FROM python:3.13-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends graphviz fonts-liberation make \
    && rm -rf /var/lib/apt/lists/*

# PyTorch for CPUs: PyPI's brings 5 GB for GPUs. A mirror: `--build-arg TORCH_INDEX=URL`.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch torchvision --index-url "$TORCH_INDEX"

COPY . /genocc
RUN pip install --no-cache-dir --editable /genocc && python -m compileall -q /genocc && touch /usr/local/.installed
# Where `make demo` looks for what is installed.
ENV VENV=/usr/local

# A home that whoever `--user` names may write to: Matplotlib and Fontconfig keep caches there.
ENV HOME=/home/genocc
RUN useradd --create-home genocc && chmod 1777 "$HOME" && mkdir /work && chown genocc /work /genocc
USER genocc
WORKDIR /work
ENTRYPOINT ["genocc"]
