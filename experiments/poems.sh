#!/usr/bin/env bash
# Table 2 of the paper with our rows: SMT, RNNPG, PPG as published, and PPG with Ham at depths 1 (dot), 5, 10 and 20, each
# trained from every seed and evaluated; PPG as published at a second rate as well, for the first was chosen with Ham.
# What is finished is left as it is; a run that was stopped goes on.
#
#   ham-mrc poem prepare --poems quatrains.jsonl.gz --taxonomy shixuehanying.txt --out data/poems
#   bash experiments/poems.sh data/poems runs/poems 13 14 15
#   ham-mrc poem compare runs/poems/dot-* runs/poems/ham*-* runs/poems/ppg*-* runs/poems/rnnpg-* runs/poems/smt-*
#
# Two epochs of PPG small are 6 minutes of an idle core. The rates were chosen by the perplexity of valid at depth 5.
set -euo pipefail
data=${1:?the folder of poem prepare} out=${2:?a folder for the runs}
shift 2

one() {  # NAME OPTION...: train and evaluate a run
    local run=$out/$1
    shift
    [ -f "$run/scores.json" ] || ham-mrc poem train --data "$data" --out "$run" "$@" $([ -d "$run" ] && echo --resume)
    [ -f "$run/poems.json" ] || ham-mrc poem eval "$run" --data "$data" --keywords both
}

for seed in "${@:-13}"; do
    for depth in 5 10 20; do
        one "ham$depth-$seed" --system ppg --attention ham --depth "$depth" --epochs 2 --lr 4e-3 --seed "$seed"
    done
    one "dot-$seed" --system ppg --attention dot --epochs 2 --lr 4e-3 --seed "$seed"
    one "ppg-$seed" --system ppg --attention additive --epochs 2 --lr 4e-3 --seed "$seed"
    one "ppglr2-$seed" --system ppg --attention additive --epochs 2 --lr 2e-3 --seed "$seed"
    one "rnnpg-$seed" --system rnnpg --epochs 4 --lr 4e-3 --seed "$seed"
    one "smt-$seed" --system smt --seed "$seed"
done
