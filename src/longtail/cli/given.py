"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Data = Annotated[
    str,
    typer.Argument(
        help="csv, tsv, jsonl, json, parquet, xlsx, arff, npz, ..., a folder of images, digits-lt, islands-lt, names-lt."
    ),
]
Unlabelled = Annotated[
    str | None, typer.Option(help="Rows like the data's, without labels, for recipes that learn from them.")
]
PriorOption = Annotated[
    str,
    typer.Option(
        help="Class frequencies where you deploy: natural (as in the data), balanced, 0.7,0.3 or sick=0.3,healthy=0.7, "
        "or a JSON file."
    ),
]
CostsOption = Annotated[
    str | None,
    typer.Option(
        help="What each decision costs: '0,1;20,0' (true classes down, decided classes across, in class order), or a csv "
        "or JSON file by class name. A cell may name a column of the data: '0,1;AMOUNT,0'."
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Leave cells alone that a spreadsheet would run as a formula.")
]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="resnet8, resnet20, resnet32, mlp or linear; hf:FOLDER_OR_NAME or timm:NAME for a pre-trained encoder, with "
        "options behind it: hf:NAME,tune=frozen|lora|full,pool=cls|mean. Default by kind of data."
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of the first stage; later stages scale with it.")]
Tuning = Annotated[
    str,
    typer.Option(
        help="refit: what a recipe leaves open is fitted on an inner split, then it trains on all rows. "
        "holdout: half the cost, trains without the inner split."
    ),
]
Device = Annotated[
    str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, or one of several GPUs: cuda:1.")
]
Precision = Annotated[
    str | None,
    typer.Option(help="fp32 (the default); or tf32 or bf16, faster on an NVIDIA GPU from 2020 on."),
]
Graphs = Annotated[bool, typer.Option(help="On an NVIDIA GPU, record a step once and replay it.")]
