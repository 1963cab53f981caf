#!/bin/sh
# The CIFAR-LT tables on a GPU, in commands of at most ten minutes. Each call goes on where the last one stopped.
#
#     LONGTAIL_DATA=DATA benchmarks/on_gpu.sh            # as often as it takes: exit 3 says that there is more to do
#     LONGTAIL_DATA=DATA benchmarks/on_gpu.sh --plan     # what is done and what is left; trains nothing
#
# Order: imbalance 100, then 50, then 10. At each: our own recipe, named beforehand, under the modern protocol on both data
# sets (aim at 100: 54 % on CIFAR-100-LT, 86 % on CIFAR-10-LT); then every recipe under the protocol of the published
# tables. ResNet-32, three seeds.
#
# Settings, by environment:
#     LONGTAIL    the command (longtail)             OUT      folder of all results (longtail-gpu)
#     BUDGET      seconds of one call (540)          JOBS     runs side by side on the GPU (4)
#     SEEDS       runs of each recipe (3)            OWN      our recipe (combined:rho=0.05)
#     RECIPES     those of the tables (all)          MORE     further options of longtail bench (--preset quick, say)
#     IMBALANCES  "100 50 10"                        BENCHMARKS  "cifar100-lt cifar10-lt"
set -u

: "${LONGTAIL:=longtail}" "${OUT:=longtail-gpu}" "${BUDGET:=540}" "${JOBS:=4}" "${SEEDS:=3}"
: "${OWN:=combined:rho=0.05}" "${RECIPES:=all}" "${MORE:=}"
: "${IMBALANCES:=100 50 10}" "${BENCHMARKS:=cifar100-lt cifar10-lt}"
: "${LONGTAIL_DATA:?name the folder that holds cifar10-lt and cifar100-lt}"
LEAST=20 # seconds below which nothing new is begun

began=$(date +%s)
mkdir -p "$OUT"

# One table: a folder of its own, and a file "done" in it once no run is left.
table() { # name, benchmark, imbalance, protocol, recipes
    folder=$OUT/$1-$2-$3
    if [ -e "$folder/done" ]; then
        echo "done: $folder"
        return 0
    fi
    if [ "${plan:-}" ]; then
        echo "left: $folder"
        more=1
        return 0
    fi
    left=$((BUDGET - $(date +%s) + began))
    if [ "$left" -lt "$LEAST" ]; then
        echo "next: $folder; the same command goes on"
        exit 3
    fi
    # shellcheck disable=SC2086 # options are words
    $LONGTAIL bench "$2" --data "$LONGTAIL_DATA/$2" --imbalance "$3" --protocol "$4" --recipes "$5" --seeds "$SEEDS" \
        --jobs "$JOBS" --budget "${left}s" --out "$folder" $MORE
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "failed ($status): $folder" >&2
        exit "$status"
    elif grep -q '"status": *"skipped"' "$folder/results.json"; then
        echo "next: $folder; the same command goes on"
        exit 3
    elif grep -q '"status": *"failed"' "$folder/results.json"; then
        echo "a run failed, the others are done; table.md says which: $folder" >&2
        exit 1
    fi
    touch "$folder/done"
    echo "done: $folder"
}

case "${1:-}" in
    --plan) plan=1 more= ;;
    "") plan= more= ;;
    *) echo "on_gpu.sh takes --plan or nothing; settings are environment variables (see its first lines)" >&2; exit 2 ;;
esac

for imbalance in $IMBALANCES; do
    for benchmark in $BENCHMARKS; do
        table own "$benchmark" "$imbalance" modern "$OWN"
    done
    for benchmark in $BENCHMARKS; do
        table all "$benchmark" "$imbalance" ldam "$RECIPES"
    done
done
[ -z "$more" ] && echo "all tables are done: $OUT"
exit 0
