#!/usr/bin/env bash
# The fifteen cells of Table 1 (Dou & Zhang, "Hierarchical Attention"): BiDAF on DuReader, Match-LSTM on SQuAD and R-NET
# on MS MARCO, each at depths 1, 2, 5, 10 and 20. One command does all of it:
#
#     benchmarks/table1.sh [OUT]
#
# prepares the raw files (90/10, as in the paper), trains and scores a run a cell in OUT/DATASET-depth-N, and compares
# the depths of each dataset with the published rows beside them. What is finished is left as it is, and a run that was
# stopped goes on: the same command again, until it is through. On two cores the default files take about a day.
#
# Set in the environment, where the defaults do not fit:
#     DATA         folder of raw files: ../shared/data beside the project
#     DUREADER, SQUAD, MSMARCO      raw files of each, separated by spaces; else those below in DATA
#     SQUAD_EMBEDDINGS, MSMARCO_EMBEDDINGS    word vectors; glove-6b-50d. Empty: learnt. DuReader's are learnt.
#     DATASETS, DEPTHS              which rows and columns: "dureader squad msmarco", "1 2 5 10 20"
#     PREPARE, TRAIN                further options of every `prepare` and `train`, as in TRAIN="--max-minutes 30"
#     SEED         13
#     HAM_MRC      how the program is called: ham-mrc
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-table1}
data=${DATA:-$here/../shared/data}
datasets=${DATASETS:-dureader squad msmarco}
depths=${DEPTHS:-1 2 5 10 20}
seed=${SEED:-13}
read -ra ham <<<"${HAM_MRC:-ham-mrc}"
read -ra prepare <<<"${PREPARE:-}"
read -ra train <<<"${TRAIN:-}"

raw_files() {
    case $1 in
        dureader) echo "${DUREADER:-$data/dureader/search.train.json.gz $data/dureader/search.dev.json.gz}" ;;
        squad) echo "${SQUAD:-$data/squad/shared-train-v1.1.json.gz $data/squad/shared-dev-v1.1.json.gz}" ;;
        msmarco) echo "${MSMARCO:-$data/msmarco/v1.1.sample160.jsonl.gz}" ;;
        *) echo "error: no dataset $1; there are dureader, squad, msmarco" >&2; exit 2 ;;
    esac
}

reader_of() {
    case $1 in dureader) echo bidaf ;; squad) echo match-lstm ;; msmarco) echo r-net ;; esac
}

vectors_of() {
    case $1 in
        squad) echo "${SQUAD_EMBEDDINGS-glove-6b-50d}" ;;
        msmarco) echo "${MSMARCO_EMBEDDINGS-glove-6b-50d}" ;;
    esac
}

check_files() {
    for file in "$@"; do
        if [[ ! -f $file ]]; then
            echo "error: $file: no such file; name raw files in DUREADER, SQUAD and MSMARCO, or their folder in DATA" >&2
            exit 2
        fi
    done
}

cell() { # dataset depth
    local run=$out/$1-depth-$2 vectors options=()
    if [[ -f $run/scores.json ]]; then
        echo "finished: $run" >&2
        return
    fi
    if [[ -f $run/config.toml ]]; then
        "${ham[@]}" train --resume "$run" --json >/dev/null
        "${ham[@]}" eval "$run"
        return
    fi
    vectors=$(vectors_of "$1")
    [[ -z $vectors ]] || options+=(--embeddings "$vectors")
    "${ham[@]}" train "$out/$1" --out "$run" --reader "$(reader_of "$1")" --depth "$2" --seed "$seed" \
        "${options[@]}" "${train[@]}" --json >/dev/null
    "${ham[@]}" eval "$run"
}

for dataset in $datasets; do
    read -ra files <<<"$(raw_files "$dataset")"
    check_files "${files[@]}"
done
for dataset in $datasets; do
    read -ra files <<<"$(raw_files "$dataset")"
    if [[ ! -f $out/$dataset/manifest.json ]]; then
        "${ham[@]}" prepare "$dataset" "${files[@]}" --seed "$seed" "${prepare[@]}" --out "$out/$dataset"
    fi
    for depth in $depths; do
        cell "$dataset" "$depth"
    done
done
for dataset in $datasets; do
    runs=()
    for depth in $depths; do
        runs+=("$out/$dataset-depth-$depth")
    done
    "${ham[@]}" compare "${runs[@]}" --paper --write "$out/$dataset.md"
done
