#!/usr/bin/env bash
# Measures genocc on a GPU, the most important figures first, within MINUTES; needs no network.
#
#   benchmarks/on_gpu.sh 60 out                     # after `pip install -e .`; text files, JSON and runs.tar.gz in out/
#   benchmarks/on_gpu.sh --runs out/runs.tar.gz --only search 60 out2      # continues the runs of an earlier call
#   benchmarks/on_gpu.sh --device cpu --quick 10    # small nets and few images, to see that it runs
#
# Steps, in this order; --only STEP chooses, and can be repeated:
#   tests    the GPU computes what the CPU computes (gpu_check.py), and the tests in which a GPU makes a difference
#   nets     gpu.py: compiled nets and eager, CUDA graphs, bfloat16, roofline
#   methods  method_steps.py: time and memory of a step of every method
#   search   whole searches at the papers' CIFAR settings: EnTranNAS-DST, EnTranNAS, eDARTS; --methods changes which
#   shallow  paper:edarts-table-3: published cells in shallow nets, several trainings at a time; each call goes on
#   runtimes ONNX Runtime's CUDA provider: compiled files against PyTorch, and their times
#   steps    search.py: time and memory of a search step next to a transcription, at batch 64 and at batch 256
#   train    throughput of training darts-v2, float32 and bfloat16
#   compile  gpu.py with torch.compile, one batch size after the other: minutes of compiling
#
# A step ends at its own limit or at MINUTES, whichever is first; searches and trainings that are cut off are continued
# from runs.tar.gz. CIFAR-10 is --data FOLDER (train/CLASS/*, test/CLASS/*), or unpacked from cifar10_jpeg.npz.xz in
# .device/ or ../shared/data/.
set -u
cd "$(dirname "$0")/.." || exit
export PYTHONUNBUFFERED=1 COLUMNS=${COLUMNS:-140}

device=cuda quick='' only='' data='' runs='' methods='entrannas-dst entrannas edarts'
while [[ ${1-} == --* ]]; do
    case $1 in
        --quick) quick=--quick; shift ;;
        --device) device=$2; shift 2 ;;
        --only) only+=" $2 "; shift 2 ;;
        --data) data=$2; shift 2 ;;
        --runs) runs=$2; shift 2 ;;
        --methods) methods=$2; shift 2 ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
done
minutes=${1:?usage: on_gpu.sh [--device D] [--quick] [--only STEP] [--data FOLDER] [--runs FILE] MINUTES [OUT]}
out=$(mkdir -p "${2:-${OUT:-out}}" && cd "${2:-${OUT:-out}}" && pwd)
end=$(($(date +%s) + minutes * 60 - 20)) # the last seconds are for the table of trainings and for packing the runs
work=${WORK:-/tmp/genocc-gpu$quick}     # same place in every call: a search remembers where its images are
python=${PYTHON:-python3}
rounds=$([[ -n $quick ]] && echo 1 || echo 5)
mkdir -p "$work/runs"
[[ -z $runs ]] || tar -xzf "$runs" -C "$work"

left() { echo $((end - $(date +%s))); }
say() { echo "$(date +%T) $*" | tee -a "$out/on_gpu.txt"; }
wanted() { [[ -z $only || $only == *" $1 "* ]]; }

# step FILE SECONDS COMMAND...: runs a command within both limits; its output goes to OUT/FILE as well
step() {
    local file=$1 most=$2 started=$SECONDS
    shift 2
    [[ -z $quick ]] || most=$(left) # it is only to see that all runs, on a machine that may be busy
    ((most < $(left))) || most=$(left)
    ((most > 5)) || { say "no time left for: $*"; return; }
    say "$* (at most $most s)"
    timeout -k 40 "$most" "$@" 2>&1 | tee -a "$out/$file" # 30 s is what an engine's jobs get to save their states
    say "exit code ${PIPESTATUS[0]} after $((SECONDS - started)) s"
}

keep_runs() { # without weights and checkpoints of large nets that were trained for their speed only
    tar -czf "$work/packed" -C "$work" --exclude='train-*/checkpoint' --exclude='train-*/*.safetensors' runs &&
        mv "$work/packed" "$out/runs.tar.gz"
}

unpack() { # CIFAR-10 into $data; in the background of the tests
    local folder
    for folder in .device ../shared/data; do
        [[ -f $folder/cifar10_jpeg.npz.xz ]] || continue
        "$python" $folder/unpack_cifar10.py "$data" ${quick:+--per-class 20} > /dev/null && return
    done
    echo "no images: give --data" >&2
}

if [[ -z $data ]]; then
    data=$work/cifar10
    [[ -d $data/test/truck ]] || unpack &
fi

[[ $device == cpu ]] || nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee -a "$out/on_gpu.txt"
"$python" -c 'import torch; print("PyTorch", torch.__version__)' | tee -a "$out/on_gpu.txt"

if wanted tests; then
    step tests.txt 180 "$python" benchmarks/gpu_check.py --device "$device"
    step tests.txt 90 "$python" -m pytest -p no:cacheprovider -k 'cuda or compute_the_same' \
        tests/exporters/test_torch.py tests/exporters/test_verification.py tests/benchmarks/test_gpu.py
fi
say 'waiting for the images'
wait # nothing runs beside what is timed

if wanted nets; then
    step nets.txt 180 "$python" benchmarks/gpu.py --device "$device" --rounds 3 $quick
fi
if wanted methods; then
    step methods.txt 180 "$python" benchmarks/method_steps.py --device "$device" $quick --json "$out/methods.json"
fi
if wanted search; then
    for method in $methods; do
        run=$work/runs/search-$method
        if [[ -f $run/config.json ]]; then
            settings=(--resume)
        else
            settings=(--method "$method" --preset cifar --data "$data" --seed 0)
            [[ -z $quick ]] || settings+=(--epochs 2 --set supernet.channels=8 --set supernet.layers=4 --set
                schedule.batch_size=50 --set data.training=100 --set data.validation=100)
        fi
        step search.txt 7200 "$python" -m genocc search --out "$run" --device "$device" "${settings[@]}"
        keep_runs
    done
fi
if wanted shallow; then
    run=$work/runs/shallow
    if [[ -f $run/config.json ]]; then
        settings=("$run" --resume --data "$data")
    else
        settings=(paper:edarts-table-3 --out "$run" --scale "$([[ -n $quick ]] && echo tiny || echo paper)")
        [[ -n $quick ]] || settings+=(--data "$data")
    fi
    step shallow.txt 1800 "$python" -m genocc experiment "${settings[@]}" --engine local --jobs "${JOBS:-4}"
    [[ ! -f $run/config.json ]] || "$python" -m genocc experiment "$run" --table -o "$out/shallow.md" > /dev/null
    keep_runs
fi
if wanted runtimes; then
    network=()
    [[ -z $quick ]] || network=(--channels 4 --layers 4)
    for name in darts-v2 pc-darts-cifar; do
        file=$work/$name.onnx
        step runtimes.txt 60 "$python" -m genocc compile "zoo:$name" --to onnx -o "$file" --no-verify "${network[@]}"
        step runtimes.txt 60 "$python" -m genocc verify "$file" --runtime onnxruntime --provider "$device"
    done
    step runtimes.txt 180 "$python" -m genocc bench zoo:darts-v2 --runtime onnxruntime --provider "$device" --batch 1 \
        --batch 64 --rounds "$rounds" "${network[@]}"
fi
if wanted steps; then
    step steps.txt 600 "$python" benchmarks/search.py --only steps --device "$device" --rounds "$rounds" \
        $quick --json "$out/steps.json"
    [[ -n $quick ]] || step steps.txt 600 "$python" benchmarks/search.py --only steps --device "$device" --rounds 3 \
        --batch 256
fi
if wanted train; then
    for precision in float32 bfloat16; do
        run=$work/runs/train-$precision
        rm -rf "$run"
        settings=(--epochs 2 --set data.training=9600 --set "compute.precision=$precision" --set
            compute.channels_last=true)
        [[ -z $quick ]] || settings+=(--channels 4 --layers 4 --no-auxiliary --set data.training=100)
        step train.txt 120 "$python" -m genocc train zoo:darts-v2 --preset cifar --data "$data" --out "$run" \
            --device "$device" "${settings[@]}"
        [[ ! -f $run/history.jsonl ]] || cat "$run/history.jsonl" >> "$out/train.txt"
    done
fi
if wanted compile; then
    for batch in 1 64 256; do
        [[ -z $quick || $batch == 1 ]] || continue
        step nets.txt 300 "$python" benchmarks/gpu.py --device "$device" --torch-compile --rounds 3 --batch $batch $quick
    done
fi
keep_runs
say "done, $(left) s before the limit"
