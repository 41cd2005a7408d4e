"""Hold the model against others; prints one table, with intervals.

    python -m training.benchmark gold FOLDER [--model FOLDER]
    python -m training.benchmark opp115 --data FOLDER [--encoder FOLDER] [--seeds 3]

`gold` compares the released model with baselines on annotated documents, see
training.gold; `opp115` fine-tunes the encoder on OPP-115 and compares it with published
figures, see training.opp115.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training import opp115


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    gold = commands.add_parser("gold", help="the model against baselines on gold documents")
    gold.add_argument("folder", type=Path)
    gold.add_argument("--model", type=Path, help="a model folder (default: the released one)")
    opp115.options(commands.add_parser("opp115", help="the encoder on OPP-115, against published figures"))
    options = parser.parse_args(arguments)
    if options.command == "gold":
        # here, because opp115 is also run where scikit-learn is not installed
        from training.gold import gold_table

        gold_table(options.folder, options.model)
    else:
        opp115.main(options)


if __name__ == "__main__":
    main()
