"""Hold the model against others; prints one table, with intervals.

    python -m training.benchmark gold FOLDER [--model FOLDER]
    python -m training.benchmark opp115 --data FOLDER [--encoder FOLDER] [--seeds 3]

`gold` compares the released model with baselines on annotated documents, see
training.gold; `opp115` fine-tunes the encoder on OPP-115 and compares it with published
figures, see training.opp115. `--help` after either lists its options.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

COMMANDS = ("gold", "opp115")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.benchmark", description=__doc__.split("\n")[0], add_help=False
    )
    parser.add_argument("command", choices=COMMANDS, nargs="?")
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command is None:
        print(__doc__)
        return
    # Not before it is asked for: opp115 is also run where scikit-learn is not installed.
    module = importlib.import_module(f"training.{chosen.command}")
    parser = argparse.ArgumentParser(
        prog=f"python -m training.benchmark {chosen.command}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.options(parser)
    module.main(parser.parse_args(rest))


if __name__ == "__main__":
    main()
